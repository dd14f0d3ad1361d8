/** Pictures as files. */

import { GIFEncoder, applyPalette, quantize } from "../vendor/gifenc.js";

const HUNDREDTHS = 5;
const GREYS = Array.from({ length: 256 }, (_, level) => [level, level, level]);

/** Let the person save a canvas as a PNG file. */
export async function savePng(canvas, name) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  save(blob, name);
}

/** Let the person save canvases as an endless GIF; grey levels are kept, of colours a GIF holds 256 a frame. */
export function saveGif(canvases, name) {
  save(new Blob([encodeGif(canvases.map(pixels))], { type: "image/gif" }), name);
}

/** Return the bytes of a GIF from frames `{data, width, height}` of RGBA pixels. */
export function encodeGif(frames) {
  const encoder = GIFEncoder();
  for (const { data, width, height } of frames) {
    const grey = isGrey(data);
    const palette = grey ? GREYS : quantize(data, 256);
    const indices = grey ? data.filter((_, place) => place % 4 === 0) : applyPalette(data, palette);
    encoder.writeFrame(indices, width, height, { palette, delay: 10 * HUNDREDTHS, repeat: 0 });
  }
  encoder.finish();
  return encoder.bytes();
}

function isGrey(data) {
  for (let place = 0; place < data.length; place += 4) {
    if (data[place] !== data[place + 1] || data[place] !== data[place + 2]) return false;
  }
  return true;
}

function pixels(canvas) {
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
