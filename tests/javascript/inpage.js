// What the browser's page runs: all of it over files that it fetches.

import { compareAll } from './compare.js';
import { statuses } from './statuses.js';
import { times } from './times.js';

const bytes = async address => (await fetch(address)).arrayBuffer();

const opener = (ort, base) => async (file, options) => ort.InferenceSession.create(new Uint8Array(await bytes(`${base}/${file}`)), options);

export async function test(ort, base) {
    const references = await (await fetch(`${base}/references.json`)).json(), open = opener(ort, base);
    return { samplers: await compareAll(ort, references, await bytes(`${base}/numbers.bin`), open, 'others'), ends: await statuses(ort, open) };
}

export const time = (ort, base) => times(ort, opener(ort, base));
