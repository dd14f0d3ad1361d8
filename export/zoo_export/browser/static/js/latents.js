/** Latents as `zoo/generators/latents.py` makes them: picture i of seed s is the same vector here as in Python. */

const WORD = (1n << 64n) - 1n;

/**
 * Return the latents of one picture, a Float32Array of `dim` standard normal numbers.
 *
 * `seed` and `picture` are BigInts in [0, 2^64). With `truncation`, numbers beyond it on either side are drawn again,
 * further along the same stream (Brock et al. 2019, section 3.1); null leaves all as they are.
 */
export function latents(seed, picture, dim, truncation = null) {
  const stream = philox(seed, picture);
  const found = block(stream, dim);
  if (truncation !== null) redraw(found, stream, truncation);
  return Float32Array.from(found);
}

/**
 * Return `steps` latents from `start` to `end`, both included, at even angles: the arc, not the straight line
 * (White 2016, section 2.1).
 */
export function walk(start, end, steps) {
  const lengths = Math.sqrt(dot(start, start)) * Math.sqrt(dot(end, end));
  const angle = lengths ? Math.acos(Math.min(1, Math.max(-1, dot(start, end) / lengths))) : 0;
  // One direction, or opposite ones: there is no single arc.
  const straight = Math.sin(angle) < 1e-6;
  return Array.from({ length: steps }, (_, step) => {
    if (step === 0) return Float32Array.from(start);
    if (step === steps - 1) return Float32Array.from(end);
    const along = step / (steps - 1);
    const first = straight ? 1 - along : Math.sin((1 - along) * angle);
    const last = straight ? along : Math.sin(along * angle);
    const scale = straight ? 1 : Math.sin(angle);
    return Float32Array.from(start, (number, index) => (first * number + last * end[index]) / scale);
  });
}

function dot(one, other) {
  let sum = 0;
  for (let index = 0; index < one.length; index++) sum += one[index] * other[index];
  return sum;
}

function redraw(found, stream, truncation) {
  let beyond = [...found.keys()].filter((index) => Math.abs(found[index]) > truncation);
  while (beyond.length) {
    const fresh = block(stream, found.length).filter((number) => Math.abs(number) <= truncation);
    const used = Math.min(fresh.length, beyond.length);
    for (let index = 0; index < used; index++) found[beyond[index]] = fresh[index];
    beyond = beyond.slice(used);
  }
}

/** Return the next `dim` normal numbers of a stream, by Box-Muller from 53-bit uniforms. */
function block(stream, dim) {
  const pairs = Math.ceil(dim / 2);
  const uniform = Float64Array.from({ length: 2 * pairs }, () => Number(stream.next().value >> 11n) * 2 ** -53);
  const found = new Float64Array(2 * pairs);
  for (let index = 0; index < pairs; index++) {
    const radius = Math.sqrt(-2 * Math.log1p(-uniform[index]));
    const angle = 2 * Math.PI * uniform[pairs + index];
    found[index] = radius * Math.cos(angle);
    found[pairs + index] = radius * Math.sin(angle);
  }
  return found.slice(0, dim);
}

/** Yield the 64-bit words of `numpy.random.Philox(key=seed, counter=[0, picture, 0, 0])` (Salmon et al. 2011). */
function* philox(seed, picture) {
  // numpy counts before it draws, so the first block has the counter 1.
  for (let counter = 1n; ; counter++) {
    let [a, b, c, d] = [counter, picture, 0n, 0n];
    let [one, other] = [seed, 0n];
    for (let round = 0; round < 10; round++) {
      const left = a * 0xd2e7470ee14c6c93n;
      const right = c * 0xca5a826395121157n;
      [a, b, c, d] = [(right >> 64n) ^ b ^ one, right & WORD, (left >> 64n) ^ d ^ other, left & WORD];
      one = (one + 0x9e3779b97f4a7c15n) & WORD;
      other = (other + 0xbb67ae8584caa73bn) & WORD;
    }
    yield* [a, b, c, d];
  }
}
