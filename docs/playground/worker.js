'use strict';

/**
 * What runs in the worker. Pages that are opened as files may not load workers, so the page puts this function's text behind onnxruntime-web's into a blob.
 * It answers messages { id, kind, … } by { id, result } or { id, error }.
 */
function samplerWorker() {
  const sessions = new Map();

  /** Takes onnxruntime-web's WebAssembly: text of gzip in base64, and the text of its loader, a module. */
  async function begin({ wasm, loader }) {
    const unpacked = new Blob([bytesOf(wasm)]).stream().pipeThrough(new DecompressionStream('gzip'));
    ort.env.wasm.wasmBinary = await new Response(unpacked).arrayBuffer();
    ort.env.wasm.wasmPaths = { mjs: URL.createObjectURL(new Blob([loader], { type: 'text/javascript' })) }; // the page's own blobs are strange to the worker of a file
    ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1)) : 1; // one processor is the page's; threads share memory, which browsers allow to isolated pages alone
    ort.env.logLevel = 'error';
  }

  /** Opens a sampler from its file, or that in base64: the names of its inputs, the shapes of a sample's noise and of the sample, and the card. */
  async function open({ name, file }) {
    const bytes = typeof file === 'string' ? bytesOf(file) : file;
    const session = await ort.InferenceSession.create(bytes);
    if (!session.outputNames.includes('trajectory'))
      throw new Error(`${name} was baked without --trajectory.`);
    sessions.set(name, session);
    const shapeOf = (ends, end) => ends.find(({ name }) => name === end).shape.slice(1);
    return {
      inputs: session.inputNames,
      noise: shapeOf(session.inputMetadata, 'noise'),
      shape: shapeOf(session.outputMetadata, 'samples'),
      card: JSON.parse(metadataOf(bytes).get('flow.card')),
    };
  }

  /** Draws: inputs and outputs are { type, data, dims } by name. */
  async function draw({ name, inputs }) {
    const feeds = {};
    for (const [input, { type, data, dims }] of Object.entries(inputs))
      feeds[input] = new ort.Tensor(type, data, dims);
    const started = performance.now();
    const results = await sessions.get(name).run(feeds);
    const outputs = { milliseconds: performance.now() - started };
    for (const [output, { data, dims }] of Object.entries(results))
      outputs[output] = { data: data instanceof BigInt64Array ? Float64Array.from(data, Number) : data, dims };
    return outputs;
  }

  function bytesOf(base64) {
    const text = atob(base64), bytes = new Uint8Array(text.length);
    for (let i = 0; i < bytes.length; i++)
      bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  /** The metadata of an ONNX file: entries of key 1 and value 2 in field 14 of the outermost message. */
  function metadataOf(bytes) {
    const entries = new Map(), words = new TextDecoder();
    for (const [field, value] of fieldsOf(bytes)) {
      if (field === 14) {
        const entry = new Map(fieldsOf(value));
        entries.set(words.decode(entry.get(1)), words.decode(entry.get(2)));
      }
    }
    return entries;
  }

  function* fieldsOf(bytes) {
    let at = 0;
    function number() {
      let value = 0, factor = 1, byte;
      do {
        byte = bytes[at++];
        value += (byte & 0x7F) * factor;
        factor *= 128;
      } while (byte >= 128);
      return value;
    }
    while (at < bytes.length) {
      const tag = number(), kind = tag % 8;
      if (kind === 0)
        number();
      else if (kind === 2) {
        const length = number();
        yield [Math.floor(tag / 8), bytes.subarray(at, at + length)];
        at += length;
      } else
        at += kind === 1 ? 8 : 4;
    }
  }

  const kinds = { begin, open, draw };
  let last = Promise.resolve(); // one after another
  self.onmessage = ({ data }) => {
    last = last.then(async () => {
      try {
        const result = await kinds[data.kind](data);
        self.postMessage({ id: data.id, result });
      } catch (e) {
        self.postMessage({ id: data.id, error: String(e?.message ?? e) });
      }
    });
  };
}
