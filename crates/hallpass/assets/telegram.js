// Telegram puts its answer behind the # of the address, which no server sees: it is posted.
const form = document.getElementById("hp-answer");
const answer = new URLSearchParams(location.hash.slice(1)).get("tgAuthResult");
history.replaceState(null, "", location.pathname + location.search);
form.elements.tgAuthResult.value = answer || "false";
form.submit();
