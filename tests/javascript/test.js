// Holds the samplers of a folder that references.cs wrote against the engine, in node and in headless Chromium:
//   node test.js FOLDER [--time]

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ort from 'onnxruntime-node';
import { inBrowser } from './browser.js';
import { compareAll } from './compare.js';
import { statuses } from './statuses.js';
import { times } from './times.js';

const [folder, option] = process.argv.slice(2);
const version = name => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
const open = (file, options) => ort.InferenceSession.create(join(folder, file), options);

if (option === '--time') {
    const onOneThread = (file, options) => open(file, { intraOpNumThreads: 1, interOpNumThreads: 1, ...options });
    const table = { node: await times(ort, onOneThread), Chromium: (await inBrowser(folder, 'inpage.js', 'time')).result };
    console.log('moons, euler      first load ms   load ms   ms a step of 1 row   of 64    of 1024');
    for (const [where, { first, load, step }] of Object.entries(table))
        console.log(where.padEnd(18) + first.toFixed(1).padStart(13) + load.toFixed(2).padStart(10) + step[1].toFixed(4).padStart(21) + step[64].toFixed(4).padStart(8) + step[1024].toFixed(3).padStart(11));
    process.exit(0);
}

function report(where, { samplers, ends }) {
    console.log(`\n${where}\n${'sampler'.padEnd(24)}${'rows'.padStart(5)}  other steps  largest difference of samples`);
    for (const { file, rows, otherSteps, differences } of samplers)
        console.log(file.padEnd(24) + String(rows).padStart(5) + String(otherSteps).padStart(13) + '  ' + Object.entries(differences).map(([setting, largest]) => `${setting}: ${largest.toExponential(1)}`).join(', '));
    const wrong = [...samplers.flatMap(sampler => sampler.wrong), ...ends.wrong];
    for (const line of wrong.slice(0, 20))
        console.log(`WRONG: ${line}`);
    if (wrong.length > 20)
        console.log(`and ${wrong.length - 20} more`);
    console.log(`${samplers.reduce((sum, sampler) => sum + sampler.rows, 0)} rows compared, ${ends.tried} ends and errors tried, ${wrong.length} wrong`);
    return wrong.length;
}

const numbers = readFileSync(join(folder, 'numbers.bin'));
const references = JSON.parse(readFileSync(join(folder, 'references.json')));
let wrong = report(`node ${process.versions.node}, onnxruntime-node ${version('onnxruntime-node')}`, {
    samplers: await compareAll(ort, references, numbers.buffer.slice(numbers.byteOffset, numbers.byteOffset + numbers.byteLength), open, 'the same'),
    ends: await statuses(ort, open),
});
const browser = await inBrowser(folder, 'inpage.js', 'test');
wrong += report(`Chromium ${browser.version}, onnxruntime-web ${version('onnxruntime-web')}`, browser.result);
process.exit(wrong === 0 ? 0 : 1);
