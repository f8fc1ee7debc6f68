'use strict';

/**
 * Standard normal noise as a function of seed, sample and position: the same numbers, to the last bit or the one before it, that the runtime draws, so that a seed here is that of
 * `flow sample --seed`. Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011), then the transform of Box and Muller.
 */
const Noise = {
  /** Fills a row: `index` is the sample's. */
  fill(seed, index, row) {
    const low = seed >>> 0, high = Math.floor(seed / 2 ** 32) >>> 0;
    for (let start = 0; start < row.length; start += 4) {
      const words = Noise.block(start / 4, 0, index >>> 0, Math.floor(index / 2 ** 32), low, high);
      for (let pair = 0; pair < 4; pair += 2) {
        const radius = Math.sqrt(-2 * Math.log(Noise.uniform(words[pair]))), angle = 2 * Math.PI * Noise.uniform(words[pair + 1]);
        if (start + pair < row.length)
          row[start + pair] = radius * Math.cos(angle);
        if (start + pair + 1 < row.length)
          row[start + pair + 1] = radius * Math.sin(angle);
      }
    }
  },

  /** Four random words of a counter of four words and a key of two. */
  block(counter0, counter1, counter2, counter3, key0, key1) {
    const multiplier0 = 0xD2511F53, multiplier1 = 0xCD9E8D57;
    for (let round = 0; round < 10; round++) {
      const high0 = Noise.high(multiplier0, counter0), low0 = Math.imul(multiplier0, counter0) >>> 0;
      const high1 = Noise.high(multiplier1, counter2), low1 = Math.imul(multiplier1, counter2) >>> 0;
      counter0 = (high1 ^ counter1 ^ key0) >>> 0;
      counter2 = (high0 ^ counter3 ^ key1) >>> 0;
      counter1 = low1;
      counter3 = low0;
      key0 = (key0 + 0x9E3779B9) >>> 0;
      key1 = (key1 + 0xBB67AE85) >>> 0;
    }
    return [counter0, counter1, counter2, counter3];
  },

  /** The upper 32 bits of the product of two words: no sum of halves reaches 2³². */
  high(a, b) {
    const aHigh = a >>> 16, aLow = a & 0xFFFF, bHigh = b >>> 16, bLow = b & 0xFFFF;
    const first = aHigh * bLow + (aLow * bLow >>> 16);
    const second = aLow * bHigh + (first & 0xFFFF);
    return aHigh * bHigh + (first >>> 16) + (second >>> 16);
  },

  /** A word in the open interval (0, 1). */
  uniform: word => (word + 0.5) / 2 ** 32,
};
