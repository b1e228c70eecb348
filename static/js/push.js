// The switch for this browser's notifications on the preferences page.
import { say } from "./say.js";

const panel = document.querySelector("[data-push]");
const start = panel?.querySelector("[data-push-start]");
const able = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

function toBytes(text) {
  const padded = (text + "=".repeat((4 - (text.length % 4)) % 4)).replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(padded), (character) => character.charCodeAt(0));
}

async function subscribe() {
  if ((await Notification.requestPermission()) !== "granted") {
    say("Your browser does not allow notifications from here. You can change that in its settings.");
    return;
  }
  const worker = await navigator.serviceWorker.register("/static/sw.js");
  const subscription = await worker.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: toBytes(panel.dataset.pushKey),
  });
  const answer = await fetch(panel.dataset.pushUrl, {
    method: "POST",
    headers: { "X-CSRFToken": document.querySelector("meta[name=csrf-token]")?.content ?? "" },
    body: new URLSearchParams({ subscription: JSON.stringify(subscription) }),
  });
  if (!answer.ok) {
    await subscription.unsubscribe();
    throw new Error(`The shop answered ${answer.status}`);
  }
  panel.querySelector("[data-push-words]").textContent = "This browser gets notifications now.";
  start.hidden = true;
}

if (start && able) {
  start.hidden = false;
  start.addEventListener("click", () => {
    subscribe().catch(() => say("Notifications could not be turned on. Try again later."));
  });
}
