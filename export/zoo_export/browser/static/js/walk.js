/** The walk from one seed to another: frames made one by one, kept, and played to and fro. */

import { walk } from "./latents.js";

export const FRAMES = 48;
const MILLISECONDS = 1000 / 20;

/** The frames of a walk for several generators: made when first asked for. */
export class Walk {
  #paths;
  #generators;
  #frames = [];

  /** `ends` holds for each generator its first and its last latent. */
  constructor(generators, ends) {
    this.#generators = generators;
    this.#paths = ends.map(([start, end]) => walk(start, end, FRAMES));
  }

  /** Return the images of a frame, one a generator. */
  async frame(index) {
    this.#frames[index] ??= await inOrder(this.#generators, (generator, place) =>
      generator.picture(this.#paths[place][index]),
    );
    return this.#frames[index];
  }

  /** Make all frames; `told` is called after each with how many there are. */
  async all(told) {
    for (let index = 0; index < FRAMES; index++) {
      await this.frame(index);
      told(index + 1);
      await pause(0);
    }
    return this.#frames;
  }

  /** Show the frames, to and fro, until `signal` says stop. */
  async play(show, signal) {
    for (let step = 0; !signal.aborted; step++) {
      const began = performance.now();
      const place = step % (2 * FRAMES - 2);
      const index = place < FRAMES ? place : 2 * FRAMES - 2 - place;
      const images = await this.frame(index);
      if (signal.aborted) return;
      show(images, index);
      await pause(Math.max(0, MILLISECONDS - (performance.now() - began)));
    }
  }
}

/** Let the page answer whatever happened meanwhile. */
export function pause(time) {
  return new Promise((resolve) => setTimeout(resolve, time));
}

/** Do one after the other and return the results. */
export async function inOrder(items, work) {
  const results = [];
  for (const [index, item] of items.entries()) results.push(await work(item, index));
  return results;
}
