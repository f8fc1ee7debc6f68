'use strict';

/** The models that can be chosen, in order; models/list.js offers them. */
const Models = {
  offered: [],
  _files: new Map(),

  /** Offers a model: { name, heun, dopri5 }, the addresses of its samplers: scripts, or the files themselves from a server. One of the solvers may be missing. */
  offer(model) {
    Models.offered.push(model);
  },

  /** Called by a sampler's script: its own address as it stands in the list, and the .onnx file in base64. */
  give(address, file) {
    Models._files.set(address, file);
  },

  /** Loads a sampler: the file, or its text in base64. */
  async load(address) {
    if (address.endsWith('.onnx')) {
      const answer = await fetch(address);
      if (!answer.ok)
        throw new Error(`${address} cannot be loaded.`);
      return new Uint8Array(await answer.arrayBuffer());
    }
    await loadScript(address);
    const file = Models._files.get(address);
    if (file === undefined)
      throw new Error(`${address} gives no model of that address.`);
    Models._files.delete(address);
    return file;
  },
};

/** onnxruntime-web, which runtime/runtime.js gives: { version, script, loader, wasm }. */
const Runtime = {
  address: 'runtime/runtime.js',
  _given: null,

  give(runtime) {
    Runtime._given = runtime;
  },

  async load() {
    try {
      await loadScript(Runtime.address);
    } catch {
      throw new Error('onnxruntime-web is missing here: run docs/playground/get-runtime.sh once, then open the page again.');
    }
    const runtime = Runtime._given;
    Runtime._given = null;
    return runtime;
  },
};

/** Loads a classic script, which pages that are opened as files may do. */
function loadScript(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = address;
    script.onload = () => {
      script.remove();
      resolve();
    };
    script.onerror = () => reject(new Error(`${address} cannot be loaded.`));
    document.head.append(script);
  });
}

/** Samplers in a worker, so that the page stays at hand while they compute. */
class Samplers {
  #worker;
  #waiting = new Map();
  #opened = new Map();
  #calls = 0;

  /** Starts onnxruntime-web. */
  static async start() {
    const runtime = await Runtime.load();
    const samplers = new Samplers();
    samplers.#worker = new Worker(URL.createObjectURL(new Blob([runtime.script, `\n(${samplerWorker})();`], { type: 'text/javascript' })));
    samplers.#worker.onmessage = ({ data: { id, result, error } }) => {
      const { resolve, reject } = samplers.#waiting.get(id);
      samplers.#waiting.delete(id);
      if (error === undefined)
        resolve(result);
      else
        reject(new Error(error));
    };
    samplers.#worker.onerror = event => {
      event.preventDefault();
      for (const { reject } of samplers.#waiting.values())
        reject(new Error(event.message || 'The worker cannot be started.'));
      samplers.#waiting.clear();
    };
    await samplers.#call({ kind: 'begin', wasm: runtime.wasm, loader: runtime.loader });
    return samplers;
  }

  /** Opens a sampler of a model once: { inputs, noise, shape, card }. */
  open(model, solver) {
    const address = model[solver];
    if (!this.#opened.has(address)) {
      const opening = Models.load(address).then(file => this.#call({ kind: 'open', name: address, file }));
      opening.catch(() => this.#opened.delete(address));
      this.#opened.set(address, opening);
    }
    return this.#opened.get(address);
  }

  /** Draws from an opened sampler. */
  draw(model, solver, inputs) {
    return this.#call({ kind: 'draw', name: model[solver], inputs });
  }

  #call(message) {
    return new Promise((resolve, reject) => {
      const id = this.#calls++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...message, id });
    });
  }
}
