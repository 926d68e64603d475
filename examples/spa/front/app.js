// The page: one section at a time, chosen by what stands behind # in the address.

import * as api from "/api.js";

const sections = [...document.querySelectorAll("main > section")];
const note = document.querySelector("#note");
let user = null;

function tell(text) {
  note.textContent = text;
  note.hidden = !text;
}

function show() {
  // "#confirm/<key>": the key is for the confirm section.
  const [wanted] = location.hash.slice(1).split("/");
  const known = sections.some((section) => section.id === wanted);
  let name = known ? wanted : user ? "profile" : "login";
  if (name === "profile" && !user) name = "login";
  for (const section of sections) section.hidden = section.id !== name;
  for (const part of document.querySelectorAll("[data-for]")) {
    part.hidden = (part.dataset.for === "somebody") !== Boolean(user);
  }
  if (user) {
    document.querySelector("#email").textContent = user.email;
    document.querySelector("#first-name").value = user.first_name;
    document.querySelector("#last-name").value = user.last_name;
  }
}

// Unlike a new location.hash, this is no "hashchange", and what was told stays.
function go(name) {
  history.pushState(null, "", "#" + name);
  show();
}

// What a form does when it is sent; its button rests meanwhile.
function on(id, act) {
  const form = document.querySelector(`#${id} form`);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    tell("");
    try {
      await act(Object.fromEntries(new FormData(form)));
    } catch (error) {
      tell(error.message);
    } finally {
      button.disabled = false;
    }
  });
  return form;
}

const signup = on("signup", async (values) => {
  await api.signUp({ ...values, password2: values.password1 });
  signup.reset();
  go("sent");
});

on("confirm", async () => {
  const [, key] = location.hash.slice(1).split(/\/(.*)/s);
  await api.confirm(key ?? "");
  // The key goes out of the address and of the history.
  history.replaceState(null, "", "#login");
  show();
  tell("Your address is confirmed. Log in.");
});

const login = on("login", async (values) => {
  await api.logIn(values);
  user = await api.me();
  login.reset();
  go("profile");
});

on("profile", async (values) => {
  user = await api.change(values);
  show();
  tell("Saved.");
});

document.querySelector("#logout").addEventListener("click", async () => {
  try {
    await api.logOut();
    user = null;
    go("login");
    tell("You are logged out.");
  } catch (error) {
    tell(error.message);
  }
});

addEventListener("popstate", show);
addEventListener("hashchange", () => {
  tell("");
  show();
});

try {
  user = await api.me();
} catch (error) {
  tell(error.message);
}
show();
