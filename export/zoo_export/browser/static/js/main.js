/** The play page's start: load, connect, and say what goes wrong. */

import { PICTURES, Page, say } from "./page.js";
import { Generator, PageError, openRuntime } from "./runtime.js";
import { buildView, watch } from "./view.js";
import { inOrder } from "./walk.js";

const byId = (id) => document.getElementById(id);

/** Show what went wrong where the person looks, and leave the controls off. */
function fail(error) {
  const box = byId("failure");
  box.textContent = error instanceof PageError ? error.message : `This page has a fault: ${error.message}`;
  box.hidden = false;
  say("");
  document.body.dataset.state = "failed";
  if (!(error instanceof PageError)) console.error(error);
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    say("The link is copied: it shows the same pictures to everyone.");
  } catch {
    say("The link is in the address bar: it shows the same pictures to everyone.");
  }
}

function listen(page) {
  const working = (id, work) =>
    byId(id).addEventListener("click", async ({ currentTarget: button }) => {
      // A disabled button would lose the focus.
      if (button.getAttribute("aria-busy") === "true") return;
      button.setAttribute("aria-busy", "true");
      await work().catch(fail);
      button.removeAttribute("aria-busy");
    });
  working("save-picture", () => page.savePicture());
  working("save-all", () => page.saveAll());
  working("save-walk", () => page.saveWalk());
  byId("play").addEventListener("click", () => page.toggleWalk().catch(fail));
  byId("copy").addEventListener("click", copyLink);
  for (const form of document.forms) form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => page.follow(location.hash));
}

async function start() {
  document.body.dataset.state = "loading";
  const described = await (await fetch("page.json")).json();
  const stage = byId("stage");
  stage.dataset.count = described.generators.length;
  const views = described.generators.map((one, index) =>
    buildView(stage, one, index, PICTURES, (picture) => page.change({ picture })),
  );
  const page = new Page(described, views, fail);
  page.describe();
  say("Loading onnxruntime-web and the generator: some megabytes, the first time.");
  const wanted = new URLSearchParams(location.search).get("on");
  const runtime = await openRuntime(described.runtime, ["webgpu", "wasm"].includes(wanted) ? wanted : null);
  page.generators = await inOrder(described.generators, (one) => Generator.open(one, runtime));
  for (const id of ["bar", "controls", "downloads"]) byId(id).disabled = false;
  document.body.dataset.state = "ready";
  listen(page);
  watch(views);
  await page.paint();
}

start().catch(fail);
