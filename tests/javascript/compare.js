// Runs samplers by an ONNX Runtime for JavaScript and holds what they give against the engine's own results; the same in node and in a browser.
//
// What is required of every runtime:
//   - a row alone is the row among others, to the last bit;
//   - Euler's sampler gives what steps taken one by one around the network give in that runtime, to the last bit: the file adds no rounding of its own;
//   - fixed steps have the engine's evaluations, accepted steps, status, and times within a unit in the last place.
// How near samples are to the engine's depends on how the network rounds. node has the engine's kernels: 1e-6 apart at most, and the same steps of each row. A browser's kernels
// round otherwise: there samples of fixed steps are 1e-4 apart at most. Of adaptive ones each step's size hangs on the last bits of an estimate, so that a few rows take a step or
// two more or fewer: these samples are as near to the exact solution as the engine's, within three times the distance of its worst row.

const same = 1e-6, near = 1e-4, fewRows = 0.05, stepsMore = 2, worst = 3;
const ulp = 2 ** -23; // of times up to 1, at most
const completed = 0n;

const names = ['samples', 't', 'evaluations', 'accepted', 'status'];
const kinds = { float32: Float32Array, int64: BigInt64Array };

/** The values of an array of the references, or of some of its rows. */
function valuesOf(numbers, { type, dims, at }, from = 0, rows = dims[0]) {
    const width = dims.slice(1).reduce((product, size) => product * size, 1);
    return new kinds[type](numbers, at, dims[0] * width).slice(from * width, (from + rows) * width);
}

/** What a sampler is fed for some rows. The number of steps has none. */
export function feedsOf(ort, numbers, inputs, from, rows) {
    return Object.fromEntries(Object.entries(inputs).map(([name, array]) => [name, name === 'steps'
        ? new ort.Tensor(array.type, valuesOf(numbers, array), array.dims)
        : new ort.Tensor(array.type, valuesOf(numbers, array, from, rows), [rows, ...array.dims.slice(1)])]));
}

/** Numbers by their bits: NaN is NaN, and −0 is not 0. */
const sameBits = (a, b) => {
    const [x, y] = [a, b].map(values => new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return x.length === y.length && x.every((byte, i) => byte === y[i]);
};

const rowsOf = (tensor, from, rows) => {
    const width = tensor.data.length / tensor.dims[0];
    return tensor.data.slice(from * width, (from + rows) * width);
};

/** The largest difference; NaN where there is one. */
export const apart = (a, b) => a.reduce((largest, value, i) => {
    const difference = Math.abs(value - b[i]);
    return difference <= largest ? largest : difference;
}, 0);

const larger = (a, b) => a >= b ? a : b;

/** Compares a sampler's cases, in batches of all rows, of 5 and of 1. */
async function compareSampler(ort, session, sampler, numbers, kernels) {
    const found = { file: sampler.file, rows: 0, differences: {}, otherSteps: 0, wrong: [] };
    const exact = kernels === 'the same';
    for (const { setting, guidance, tolerance, inputs, outputs } of sampler.cases) {
        const says = (which, what) => found.wrong.push(`${sampler.file}, ${setting}${guidance ? `, guidance ${guidance}` : ''}, ${which}: ${what}`);
        const all = inputs.noise.dims[0];
        let farthest = 0; // from the exact solution, of the engine's rows
        for (let row = 0; outputs.exact && row < all; row++)
            farthest = larger(apart(valuesOf(numbers, outputs.samples, row, 1), valuesOf(numbers, outputs.exact, row, 1)), farthest);
        const run = (from, rows) => session.run(feedsOf(ort, numbers, inputs, from, rows));
        const whole = await run(0, all);
        const runs = [['all rows', 0, all, whole]];
        if (all > 5)
            runs.push(['5 rows', 0, 5, await run(0, 5)]);
        for (let row = 0; row < all; row += all > 5 ? 9 : 1) {
            const alone = await run(row, 1);
            runs.push([`row ${row} alone`, row, 1, alone]);
            if (!names.every(name => sameBits(rowsOf(whole[name], row, 1), alone[name].data)))
                says(`row ${row}`, 'alone it is not what it is among others');
        }
        for (const [which, from, rows, result] of runs) {
            for (const name of names) {
                const { type, dims } = outputs[name], shape = [rows, ...dims.slice(1)];
                if (result[name].type !== type || result[name].dims.join() !== shape.join())
                    says(which, `${name} is ${result[name].type} [${result[name].dims}], not ${type} [${shape}]`);
            }
            for (let row = 0; row < rows; row++) {
                found.rows++;
                const of = name => [rowsOf(result[name], row, 1), valuesOf(numbers, outputs[name], from + row, 1)];
                const [samples, expected] = of('samples'), [[t], [tExpected]] = of('t'), [[status], [statusExpected]] = of('status');
                const counts = ['evaluations', 'accepted'].map(name => [name, ...of(name).map(([count]) => count)]);
                const other = counts.filter(([, have, want]) => have !== want).map(([name, have, want]) => `${have} ${name}, not ${want}`);
                if (status !== statusExpected)
                    other.push(`status ${status}, not ${statusExpected}`);
                if (sampler.adaptive && !exact) {
                    found.otherSteps += other.length > 0 ? 1 : 0;
                    if (counts[1][1] > counts[1][2] + BigInt(stepsMore) || counts[1][1] < counts[1][2] - BigInt(stepsMore))
                        says(which, `row ${from + row} has ${other.join(', ')}`);
                    if (status !== completed || statusExpected !== completed)
                        continue; // it stands elsewhere on the way, for a step's size
                } else if (other.length > 0) {
                    says(which, `row ${from + row} has ${other.join(', ')}`);
                }
                if (!(Math.abs(t - tExpected) <= ulp))
                    says(which, `row ${from + row} ends at t = ${t}, not ${tExpected}`);
                const difference = apart(samples, expected);
                found.differences[setting] = larger(difference, found.differences[setting] ?? 0);
                if (sampler.adaptive && !exact) {
                    const distance = apart(samples, valuesOf(numbers, outputs.exact, from + row, 1));
                    if (!(distance <= worst * farthest + tolerance))
                        says(which, `the samples of row ${from + row} are ${distance.toExponential(1)} from the exact solution, and the engine's ${farthest.toExponential(1)} at most`);
                } else if (!(difference <= (exact ? same : near))) {
                    says(which, `the samples of row ${from + row} are ${difference.toExponential(1)} apart`);
                }
            }
        }
    }
    if (found.otherSteps > found.rows * fewRows)
        found.wrong.push(`${sampler.file}: ${found.otherSteps} of ${found.rows} rows take other steps than the engine's`);
    return found;
}

/** Euler's steps one by one around the network, without guidance, in the operations of the sampler. */
async function stepByStep(ort, session, { time, state, label, output, image, columns }, inputs, numbers, count, rows) {
    const f = Math.fround;
    const shape = [rows, ...inputs.noise.dims.slice(1)];
    const x = valuesOf(numbers, inputs.noise, 0, rows);
    const timeShape = session.inputMetadata.find(input => input.name === time).shape.map(size => typeof size === 'number' && size > 0 ? size : rows);
    const labels = label && session.inputMetadata.find(input => input.name === label);
    for (let step = 0; step < count; step++) {
        const h = f((step + 1) / count - step / count);
        const feeds = { [state]: new ort.Tensor('float32', x.slice(), shape), [time]: new ort.Tensor('float32', new Float32Array(rows).fill(step / count), timeShape) };
        if (label)
            feeds[label] = new ort.Tensor('int64', valuesOf(numbers, inputs[label], 0, rows), labels.shape.length === 1 ? [rows] : [rows, 1]);
        const velocity = (await session.run(feeds))[output].data;
        x.forEach((value, i) => { x[i] = f(value + f(h * velocity[i])); });
    }
    if (image)
        return x.map(value => Math.min(Math.max((value - image[0]) * (1 / (image[1] - image[0])), 0), 1));
    return columns ? x.map((value, i) => columns.mean[i % columns.mean.length] + columns.scale[i % columns.scale.length] * value) : x;
}

/** Requires that Euler's sampler is its steps taken one by one around the network. */
async function compareStepByStep(ort, session, sampler, numbers, open) {
    const wrong = [], rows = 5;
    const network = await open(sampler.network.file);
    for (const { setting, guidance, inputs } of sampler.cases.filter(({ guidance }) => guidance === null || guidance === 1)) {
        const count = Number(valuesOf(numbers, inputs.steps)[0]);
        const { samples } = await session.run(feedsOf(ort, numbers, inputs, 0, rows));
        const expected = await stepByStep(ort, network, sampler.network, inputs, numbers, count, rows);
        if (!sameBits(samples.data, expected))
            wrong.push(`${sampler.file}, ${setting}: ${apart(samples.data, expected).toExponential(1)} apart from steps taken one by one`);
    }
    await network.release();
    return wrong;
}

/**
 * Compares all samplers.
 * @param kernels 'the same' as the engine's, or 'others'.
 * @returns for each file the number of `rows` compared, the largest `differences` of samples by setting, how many rows take `otherSteps`, and what is `wrong`, in words.
 */
export async function compareAll(ort, { samplers }, numbers, open, kernels) {
    const found = [];
    for (const sampler of samplers) {
        const session = await open(sampler.file);
        const result = await compareSampler(ort, session, sampler, numbers, kernels);
        if (sampler.network)
            result.wrong.push(...await compareStepByStep(ort, session, sampler, numbers, open));
        await session.release();
        found.push(result);
    }
    return found;
}
