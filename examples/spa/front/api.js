// The REST interface: JSON goes and comes, the session's cookie goes by itself.

const BASE = "/dj-rest-auth/";

// Django's token, anew each time: it changes when somebody logs in.
function csrfToken() {
  const pair = document.cookie.split("; ").find((pair) => pair.startsWith("csrftoken="));
  return pair ? pair.slice("csrftoken=".length) : "";
}

// What the interface refuses: fields with their words, or one text.
export class Refused extends Error {
  constructor(status, answer) {
    const words = Object.entries(answer ?? {}).filter(([name]) => name !== "code");
    super(words.map(([, text]) => [text].flat().join(" ")).join(" ") || "That did not work. Try again later.");
    this.status = status;
  }
}

async function send(method, path, values) {
  const headers = { accept: "application/json" };
  if (method !== "GET") {
    headers["x-csrftoken"] = csrfToken();
    headers["content-type"] = "application/json";
  }
  const body = method === "GET" ? undefined : JSON.stringify(values ?? {});
  const answer = await fetch(BASE + path, { method, headers, body, credentials: "same-origin" });
  const text = await answer.text();
  let json = null;
  try {
    json = text ? JSON.parse(text) : null;
  } catch {
    // Whatever stands in between may answer with a page.
  }
  if (!answer.ok) throw new Refused(answer.status, json);
  return json;
}

export const signUp = (values) => send("POST", "registration/", values);
export const confirm = (key) => send("POST", "registration/verify-email/", { key });
export const logIn = (values) => send("POST", "login/", values);
export const logOut = () => send("POST", "logout/");
export const change = (values) => send("PATCH", "user/", values);

// Who is logged in, or null.
export async function me() {
  try {
    return await send("GET", "user/");
  } catch (error) {
    if (error.status === 401 || error.status === 403) return null;
    throw error;
  }
}
