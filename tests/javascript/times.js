// Times of a sampler on one thread: milliseconds to load it, and for one Euler step of batches; the same in node and in a browser.

const steps = 100;

const best = async (times, run) => {
    let least = Infinity;
    for (let i = 0; i < times; i++) {
        const start = performance.now();
        await run();
        least = Math.min(least, performance.now() - start);
    }
    return least;
};

/** @returns `first`: the first load, with the runtime's own start; `load`: a later one, best of 10; `step` by number of rows, best of 15 runs of 100 steps. */
export async function times(ort, open) {
    const start = performance.now();
    let session = await open('moons-euler.onnx');
    const first = performance.now() - start;
    const load = await best(10, async () => {
        await session.release();
        session = await open('moons-euler.onnx');
    });
    const step = {};
    for (const rows of [1, 64, 1024]) {
        const noise = new ort.Tensor('float32', Float32Array.from({ length: rows * 2 }, (_, i) => Math.sin(i)), [rows, 2]);
        step[rows] = await best(15, () => session.run({ noise, steps: new ort.Tensor('int64', BigInt64Array.of(BigInt(steps)), [1]) })) / steps;
    }
    await session.release();
    return { first, load, step };
}
