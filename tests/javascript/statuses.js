// What a sampler says of samples that do not get to the end, and how a wrong call fails; the same in node and in a browser.

const noiseOf = (ort, rows) => new ort.Tensor('float32', Float32Array.from({ length: rows * 2 }, (_, i) => Math.sin(i * 12.9898) * 1.5), [rows, 2]);
const column = (ort, rows, value) => new ort.Tensor('float32', new Float32Array(rows).fill(value), [rows, 1]);
const stepsOf = (ort, count) => new ort.Tensor('int64', BigInt64Array.of(BigInt(count)), [1]);

/** @returns what is wrong, in words, and how much was tried. */
export async function statuses(ort, open) {
    const wrong = [];
    let tried = 0;
    const require = (what, have, want) => {
        tried++;
        const [a, b] = [have, want].map(values => Array.from(values, Number).join());
        if (a !== b)
            wrong.push(`${what}: ${a}, not ${b}`);
    };
    const refused = async (what, message, run) => {
        tried++;
        const error = await run().then(() => null, error => error);
        if (!message.test(error?.message ?? ''))
            wrong.push(`${what}: ${error ? `"${error.message}"` : 'no error'}`);
    };

    const fixed = await open('moons-euler.onnx');
    const noise = noiseOf(ort, 3), whole = await fixed.run({ noise, steps: stepsOf(ort, 4) });
    for (const count of [0, -3]) {
        const none = await fixed.run({ noise, steps: stepsOf(ort, count) });
        require(`${count} steps, status`, none.status.data, [2, 2, 2]);
        require(`${count} steps, t`, none.t.data, [0, 0, 0]);
        require(`${count} steps, evaluations`, none.evaluations.data, [0, 0, 0]);
    }
    for (const value of [NaN, Infinity]) {
        const bad = noiseOf(ort, 3);
        bad.data[2] = value;
        const some = await fixed.run({ noise: bad, steps: stepsOf(ort, 4) });
        require(`noise of ${value} in fixed steps, status`, some.status.data, [0, 1, 0]);
        require(`noise of ${value} in fixed steps, t`, some.t.data, [1, 0, 1]);
        require(`noise of ${value} in fixed steps, accepted`, some.accepted.data, [4, 0, 4]);
        require(`noise of ${value} in fixed steps, the others`, [0, 1, 4, 5].map(i => some.samples.data[i]), [0, 1, 4, 5].map(i => whole.samples.data[i]));
    }
    const nothing = await fixed.run({ noise: new ort.Tensor('float32', new Float32Array(0), [0, 2]), steps: stepsOf(ort, 4) });
    require('no rows', nothing.samples.dims, [0, 2]);
    await refused('without steps', /steps/, () => fixed.run({ noise }));
    await refused('steps in float32', /steps|type|int64/i, () => fixed.run({ noise, steps: new ort.Tensor('float32', [4], [1]) }));
    await refused('noise of three columns', /noise|dimension/i, () => fixed.run({ noise: new ort.Tensor('float32', new Float32Array(3), [1, 3]), steps: stepsOf(ort, 4) }));
    await fixed.release();

    const adaptive = await open('moons-dopri5.onnx');
    const asked = noise => adaptive.run({ noise, rtol: column(ort, noise.dims[0], 1e-3), atol: column(ort, noise.dims[0], 1e-3) });
    const all = await asked(noise), bad = noiseOf(ort, 3);
    bad.data[2] = NaN;
    const some = await asked(bad);
    require('noise of NaN in adaptive steps, status', some.status.data, [0, 1, 0]);
    require('noise of NaN in adaptive steps, evaluations', [some.evaluations.data[1], some.accepted.data[1], some.t.data[1]], [1, 0, 0]);
    require('noise of NaN in adaptive steps, the others', [0, 1, 4, 5].map(i => some.samples.data[i]), [0, 1, 4, 5].map(i => all.samples.data[i]));
    const each = await adaptive.run({ noise, rtol: new ort.Tensor('float32', [1e-1, 1e-3, 1e-5], [3, 1]), atol: new ort.Tensor('float32', [1e-1, 1e-3, 1e-5], [3, 1]) });
    require('a row with its own tolerance', [each.samples.data[2], each.samples.data[3], each.evaluations.data[1]], [all.samples.data[2], all.samples.data[3], all.evaluations.data[1]]);
    await adaptive.release();

    const short = await open('moons-dopri5-6.onnx'); // of six steps at most
    const given = await short.run({ noise, rtol: column(ort, 3, 1e-6), atol: column(ort, 3, 1e-6) });
    require('out of steps, status', given.status.data, [2, 2, 2]);
    require('out of steps, before the end', Array.from(given.t.data, t => t > 0 && t < 1), [true, true, true]);
    require('out of steps, finite', Array.from(given.samples.data, Number.isFinite), Array(6).fill(true));
    const mixed = await short.run({ noise, rtol: new ort.Tensor('float32', [1e-6, 1, 1e-6], [3, 1]), atol: new ort.Tensor('float32', [1e-6, 1, 1e-6], [3, 1]) });
    require('one with a loose tolerance ends, status', mixed.status.data, [2, 0, 2]);
    await short.release();
    return { tried, wrong };
}
