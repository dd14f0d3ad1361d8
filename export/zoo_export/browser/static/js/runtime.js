/** onnxruntime-web and the generators it runs. Nothing is used whose bytes are not the ones this page was made with. */

import { latents } from "./latents.js";

const RECENT = 25;
const LEAST_DIFFERENCE = 1;

/** Something a person should read; the page shows it as it is. */
export class PageError extends Error {}

/**
 * Load onnxruntime-web: with WebGPU where there is a real one, else WebAssembly alone.
 *
 * `wanted` is "webgpu" or "wasm" where the address asks for one, else null.
 */
export async function openRuntime(described, wanted) {
  const kind = wanted ?? ((await hasGpu()) ? "webgpu" : "wasm");
  const files = described[kind];
  const [code, binary] = await Promise.all([
    verified(described.base + files.module.file, files.module.integrity),
    verified(described.base + files.binary.file, files.binary.integrity),
  ]);
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const ort = await import(address);
  URL.revokeObjectURL(address);
  ort.env.logLevel = "error";
  ort.env.wasm.wasmBinary = binary;
  // Threads need headers that few hosts of static pages send.
  ort.env.wasm.numThreads = 1;
  return { ort, providers: kind === "webgpu" ? ["webgpu", "wasm"] : ["wasm"] };
}

/** Whether there is a GPU; one that the processor imitates is slower than WebAssembly. */
async function hasGpu() {
  try {
    const adapter = await navigator.gpu?.requestAdapter();
    return Boolean(adapter) && !adapter.info?.isFallbackAdapter;
  } catch {
    return false;
  }
}

async function verified(file, integrity) {
  try {
    const response = await fetch(new URL(file, document.baseURI), { integrity });
    if (!response.ok) throw new PageError(`${file}: the server answers ${response.status}.`);
    return await response.arrayBuffer();
  } catch (error) {
    if (error instanceof PageError) throw error;
    throw new PageError(`${file}: it did not arrive, or is not the file that this page was made with.${advice(file)}`);
  }
}

/** What helps where a file of another server does not come; of the page's own there is nothing to say. */
function advice(file) {
  const { host } = new URL(file, document.baseURI);
  if (host === new URL(document.baseURI).host) return "";
  return ` Is there a way to ${host}? A page made with zoo demo --runtime FOLDER needs none: it brings the file along.`;
}

/** A generator ready to make pictures. */
export class Generator {
  #session;
  #ort;
  #times = [];
  #turn = Promise.resolve();

  /**
   * Load it onto the first provider that makes Python's picture; WebAssembly is the last and is kept as it is.
   */
  static async open(described, { ort, providers }) {
    const model = await verified(described.file, described.integrity);
    for (const provider of providers) {
      const last = provider === providers.at(-1);
      try {
        const session = await ort.InferenceSession.create(model.slice(0), { executionProviders: [provider] });
        const generator = new Generator(described, session, ort, provider);
        await generator.#compare();
        if (last || generator.difference <= LEAST_DIFFERENCE) return generator;
      } catch (error) {
        if (last) throw new PageError(`${described.name}: onnxruntime-web cannot run it: ${error.message}`);
      }
    }
  }

  constructor(described, session, ort, provider) {
    Object.assign(this, { name: described.name, dim: described.latent_dim, described, provider });
    [this.channels, this.height, this.width] = described.shape;
    this.directions = described.directions.map(numbers);
    this.difference = 0;
    this.#session = session;
    this.#ort = ort;
  }

  /** Milliseconds that a picture took, the median of the last ones. */
  get latency() {
    return [...this.#times].sort((one, other) => one - other)[this.#times.length >> 1];
  }

  /** Return the picture of a latent (Float32Array) as ImageData; one at a time. */
  picture(z) {
    const made = this.#turn.then(() => this.#made(z));
    this.#turn = made.catch(() => {});
    return made;
  }

  async #made(z) {
    const { Tensor } = this.#ort;
    const [input, label] = this.#session.inputNames;
    const feeds = { [input]: new Tensor("float32", z, [1, this.dim]) };
    if (label) feeds[label] = new Tensor("int64", new BigInt64Array(1), [1]);
    const began = performance.now();
    const output = (await this.#session.run(feeds))[this.#session.outputNames[0]];
    const values = await output.getData();
    this.#times = [...this.#times, performance.now() - began].slice(-RECENT);
    return this.#painted(values);
  }

  /** Turn [-1, 1] (or whole levels) into pixels as Python does: to the nearest level, ties to the even one. */
  #painted(values) {
    const size = this.height * this.width;
    const image = new ImageData(this.width, this.height);
    const levels = values instanceof Uint8Array ? (value) => value : (value) => Math.fround(value + 1) * 127.5;
    for (let place = 0; place < size; place++) {
      for (let channel = 0; channel < 3; channel++) {
        const from = this.channels === 1 ? place : channel * size + place;
        // A Uint8ClampedArray rounds ties to even and clamps.
        image.data[4 * place + channel] = Math.fround(levels(values[from]));
      }
      image.data[4 * place + 3] = 255;
    }
    return image;
  }

  /** Compare with Python's picture 0 of seed 0, and find the largest difference in levels of 255. */
  async #compare() {
    const expected = Uint8Array.from(atob(this.described.reference), (letter) => letter.charCodeAt(0));
    const { data } = await this.picture(latents(0n, 0n, this.dim));
    for (let place = 0; place < this.height * this.width; place++) {
      for (let channel = 0; channel < this.channels; channel++) {
        const difference = Math.abs(data[4 * place + channel] - expected[this.channels * place + channel]);
        this.difference = Math.max(this.difference, difference);
      }
    }
    this.#times = [];
  }
}

function numbers(base64) {
  return new Float32Array(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);
}
