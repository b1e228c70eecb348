// The switch for this browser's notifications on the preferences page.
import { say } from "./say.js";

const WORKER = "/static/sw.js";
// A browser that cannot reach its push service tries for ever.
const PATIENCE_MS = 20000;
const WORDS = {
  on: "This browser gets notifications.",
  unable: "This browser can’t show notifications from here. Email and text messages reach you all the same.",
  blocked: "Notifications from here are blocked in this browser’s settings. Allow them there, then reload this page.",
  refused: "You did not allow notifications. You can try again at any time.",
  failed: "Notifications could not be turned on. Try again later.",
};

const panel = document.querySelector("[data-push]");
const start = panel?.querySelector("[data-push-start]");
const able = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

function tell(state) {
  panel.querySelector("[data-push-words]").textContent = WORDS[state];
  start.hidden = state === "on" || state === "unable" || state === "blocked";
}

function toBytes(text) {
  const padded = (text + "=".repeat((4 - (text.length % 4)) % 4)).replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(padded), (character) => character.charCodeAt(0));
}

// A worker that is registered for the first time is not active at once, and only an active one may subscribe.
async function activeWorker() {
  const registration = await navigator.serviceWorker.register(WORKER);
  const fresh = registration.active ? null : registration.installing ?? registration.waiting;
  if (fresh) {
    await new Promise((resolve, reject) => {
      fresh.addEventListener("statechange", () => {
        if (fresh.state === "activated") {
          resolve();
        } else if (fresh.state === "redundant") {
          reject(new Error("The service worker did not start"));
        }
      });
    });
  }
  return registration;
}

function inTime(promise) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("It took too long")), PATIENCE_MS));
  return Promise.race([promise, late]);
}

// A subscription made for another key of the shop is of no use any more.
async function subscriptionFor(manager) {
  const options = { userVisibleOnly: true, applicationServerKey: toBytes(panel.dataset.pushKey) };
  try {
    return await manager.subscribe(options);
  } catch (error) {
    if (error.name !== "InvalidStateError") {
      throw error;
    }
    await (await manager.getSubscription())?.unsubscribe();
    return manager.subscribe(options);
  }
}

async function subscribe() {
  const answer = await Notification.requestPermission();
  if (answer !== "granted") {
    tell(answer === "denied" ? "blocked" : "refused");
    return;
  }
  const subscription = await inTime(activeWorker().then(({ pushManager }) => subscriptionFor(pushManager)));
  const response = await fetch(panel.dataset.pushUrl, {
    method: "POST",
    headers: { "X-CSRFToken": document.querySelector("meta[name=csrf-token]")?.content ?? "" },
    body: new URLSearchParams({ subscription: JSON.stringify(subscription) }),
  });
  if (!response.ok) {
    await subscription.unsubscribe();
    throw new Error(`The shop answered ${response.status}`);
  }
  tell("on");
  panel.querySelector("[data-push-end]").hidden = false;
  document.getElementById("push").checked = true;
}

async function begin() {
  if (!able) {
    tell("unable");
  } else if (Notification.permission === "denied") {
    tell("blocked");
  } else {
    const registration = await navigator.serviceWorker.getRegistration(WORKER);
    const current = await registration?.pushManager.getSubscription();
    if (current && current.endpoint === panel.dataset.pushEndpoint) {
      tell("on");
    } else {
      start.hidden = false;
    }
  }
}

if (start) {
  start.addEventListener("click", async () => {
    start.disabled = true;
    try {
      await subscribe();
    } catch {
      say(WORDS.failed);
    }
    start.disabled = false;
  });
  begin();
}
