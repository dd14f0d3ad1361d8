/** What the page shows and does once the generators are there. */

import { connect } from "./controls.js";
import { savePng, saveGif } from "./files.js";
import { latents } from "./latents.js";
import { format, parse } from "./link.js";
import { milliseconds, sheet } from "./view.js";
import { FRAMES, Walk, inOrder, pause } from "./walk.js";

export const PICTURES = 12;
const byId = (id) => document.getElementById(id);

/** Everything that is shown follows from the state; a newer one ends the painting of an older one. */
export class Page {
  #version = 0;
  #stop = null;
  #walk = null;

  /** `failed(error)` is called when the generators cannot go on. */
  constructor(described, views, failed) {
    Object.assign(this, { described, views, failed, generators: [] });
    const count = Math.max(...described.generators.map((one) => one.directions.length));
    this.usual = { seed: 0n, to: 1n, picture: 0, truncation: null, offsets: Array(count).fill(0) };
    this.state = parse(location.hash, this.usual, PICTURES);
    this.showControls = connect(shares(described.generators, count), (part, how) => this.change(part, how));
    this.showControls(this.state);
  }

  /** Take over what a person changed; a slider is not read out at every step. */
  change(part, how = "button") {
    const { offset, ...others } = part;
    const offsets = offset ? changed(this.state.offsets, ...offset) : this.state.offsets;
    this.set({ ...this.state, offsets, ...others }, how);
    history.replaceState(null, "", format(this.state, this.usual));
  }

  /** Show what an address asks for. */
  follow(hash) {
    this.set(parse(hash, this.usual, PICTURES));
  }

  set(state, how = "button") {
    this.stop();
    this.state = state;
    this.#walk = null;
    this.showControls(state);
    this.paint(how).catch(this.failed);
  }

  /** Paint the chosen picture of every generator, then all others, one at a time. */
  async paint(how) {
    const version = ++this.#version;
    const began = performance.now();
    this.describe();
    const order = [...Array(PICTURES).keys()].filter((picture) => picture !== this.state.picture);
    for (const picture of [this.state.picture, ...order]) {
      for (const [index, generator] of this.generators.entries()) {
        const image = await generator.picture(this.latent(generator, this.state.seed, picture));
        if (version !== this.#version) return;
        this.views[index].paintSample(picture, image);
        if (picture === this.state.picture) this.views[index].paintLarge(image);
        this.views[index].measure(generator);
      }
      await pause(0);
      if (version !== this.#version) return;
    }
    if (how === "slider") return;
    say(`Seed ${this.state.seed}: ${PICTURES * this.generators.length} pictures in ${milliseconds(performance.now() - began)}.`);
  }

  latent(generator, seed, picture) {
    const z = latents(seed, BigInt(picture), generator.dim, this.state.truncation);
    this.state.offsets.forEach((offset, index) => {
      const direction = generator.directions[index];
      if (offset && direction) direction.forEach((number, place) => (z[place] += offset * number));
    });
    return z;
  }

  describe() {
    const { seed, picture, offsets } = this.state;
    const moved = offsets.some(Boolean) ? ", moved along directions" : "";
    this.views.forEach((view) => view.describe(this.state, `seed ${seed}, picture ${picture}${moved}`));
    byId("command").textContent = command(this.described.generators, this.state);
  }

  walk() {
    this.#walk ??= new Walk(
      this.generators,
      this.generators.map((generator) =>
        [this.state.seed, this.state.to].map((seed) => this.latent(generator, seed, this.state.picture)),
      ),
    );
    return this.#walk;
  }

  /** Start the walk, or stop it. */
  async toggleWalk() {
    if (this.#stop) {
      this.stop();
      await this.paint("slider");
      say("The walk has stopped.");
      return;
    }
    this.#version++;
    this.#stop = new AbortController();
    showPlaying(true);
    say(`Walking from seed ${this.state.seed} to seed ${this.state.to} and back.`);
    await this.walk().play((images, frame) => {
      images.forEach((image, index) => this.views[index].paintLarge(image));
      this.views.forEach((view, index) => view.measure(this.generators[index]));
      byId("along").value = frame / (FRAMES - 1);
    }, this.#stop.signal);
  }

  stop() {
    this.#stop?.abort();
    this.#stop = null;
    showPlaying(false);
  }

  async saveWalk() {
    const { seed, to } = this.state;
    const frames = await this.walk().all((count) => {
      byId("along").value = count / FRAMES;
      if (count % 16 === 0) say(`Making the GIF: ${count} of ${FRAMES} frames.`);
    });
    const canvases = frames.map((images) => sheet(images, images.length));
    saveGif(canvases, `${fileName(this.described.generators)}-walk-${seed}-${to}.gif`);
    say(`The GIF is made: ${FRAMES} frames from seed ${seed} to seed ${to}.`);
  }

  async savePicture() {
    const { seed, picture } = this.state;
    const images = await inOrder(this.generators, (generator) =>
      generator.picture(this.latent(generator, seed, picture)),
    );
    await savePng(sheet(images, images.length), `${fileName(this.described.generators)}-${seed}-${picture}.png`);
    say(`Picture ${picture} of seed ${seed} is saved as a PNG file.`);
  }

  /** One generator's samples lie in a rectangle, those of several in a row each. */
  async saveAll() {
    const { seed } = this.state;
    const images = await inOrder(this.generators, (generator) =>
      inOrder([...Array(PICTURES).keys()], (picture) =>
        generator.picture(this.latent(generator, seed, picture)),
      ),
    );
    const columns = images.length === 1 ? PICTURES / 3 : PICTURES;
    await savePng(sheet(images.flat(), columns), `${fileName(this.described.generators)}-${seed}.png`);
    say(`${PICTURES} pictures of seed ${seed} are saved as a PNG file.`);
  }
}

function changed(offsets, index, offset) {
  return offsets.map((old, place) => (place === index ? offset : old));
}

function shares(generators, count) {
  if (generators.length > 1) return Array(count).fill("");
  return generators[0].shares.map((share) => `${Math.round(100 * share)} % of the change`);
}

function command(generators, { seed, truncation }) {
  const more = truncation === null ? "" : ` --truncation ${truncation}`;
  return generators.map((one) => `zoo generate ${one.opens} -n ${PICTURES} --seed ${seed}${more}`).join("\n");
}

function fileName(generators) {
  return generators.map((one) => one.name.replace(/[^\w.-]+/g, "-")).join("-").slice(0, 80);
}

function showPlaying(playing) {
  byId("play").textContent = playing ? "Stop" : "Play";
}

export function say(words) {
  byId("status").textContent = words;
}
