/** What is shown, as the part of the address behind `#`: `seed=7&picture=3&truncation=0.7&d1=1.5`. */

export const LARGEST_SEED = (1n << 64n) - 1n;
/** How far a slider goes, in standard deviations of the latents. */
export const FURTHEST = 4;
/** Below it, drawing again would take too long (as in `zoo/generators/latents.py`). */
export const LEAST_TRUNCATION = 0.02;

/** Return what an address asks for; whatever is no such thing keeps the value in `usual`. */
export function parse(hash, usual, pictures) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const truncation = decimal(given.get("truncation"), LEAST_TRUNCATION, 100);
  return {
    seed: wholeNumber(given.get("seed")) ?? usual.seed,
    to: wholeNumber(given.get("to")) ?? usual.to,
    picture: Number(wholeNumber(given.get("picture"), BigInt(pictures - 1)) ?? usual.picture),
    truncation,
    offsets: usual.offsets.map((_, index) => decimal(given.get(`d${index + 1}`), -FURTHEST, FURTHEST) ?? 0),
  };
}

/** Return the part of the address that shows this again; what is as usual is left out. */
export function format(state, usual) {
  const parts = [`seed=${state.seed}`];
  if (state.picture !== usual.picture) parts.push(`picture=${state.picture}`);
  if (state.truncation !== null) parts.push(`truncation=${state.truncation}`);
  if (state.to !== usual.to) parts.push(`to=${state.to}`);
  state.offsets.forEach((offset, index) => offset && parts.push(`d${index + 1}=${offset}`));
  return `#${parts.join("&")}`;
}

/** Return a BigInt from 0 to `largest`, or null where the text is none. */
export function wholeNumber(text, largest = LARGEST_SEED) {
  if (!/^\s*\d{1,20}\s*$/.test(text ?? "")) return null;
  const number = BigInt(text);
  return number <= largest ? number : null;
}

function decimal(text, least, most) {
  if (!/^-?\d{1,4}(\.\d{1,6})?$/.test(text ?? "")) return null;
  const number = Number(text);
  return number >= least && number <= most ? number : null;
}

/** Return a new seed that nobody has to write down on two lines. */
export function newSeed() {
  return BigInt(crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000);
}
