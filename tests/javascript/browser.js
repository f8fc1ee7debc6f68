// A page in headless Chromium with onnxruntime-web, for what is to be run there.

import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { chromium } from 'playwright-core';

const types = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.json': 'application/json', '.wasm': 'application/wasm' };

/** Serves folders by the first part of the address: /references/moons.onnx is moons.onnx of the folder `references`. */
function serve(folders) {
    const server = createServer((request, response) => {
        const [, folder, ...rest] = normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname)).split('/');
        const file = folders[folder] && join(folders[folder], ...rest);
        if (!file || !existsSync(file)) {
            response.writeHead(404).end();
            return;
        }
        response.writeHead(200, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream' });
        createReadStream(file).pipe(response);
    });
    return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/**
 * Runs a function of a module in a page: `run(ort, base)`, where ort is onnxruntime-web and base the address of the references.
 * @returns what the function returned, and the browser's version.
 */
export async function inBrowser(references, module, run) {
    const here = import.meta.dirname;
    const server = await serve({ references, tests: here, ort: join(here, 'node_modules/onnxruntime-web/dist') });
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] }).catch(error => {
        server.close();
        throw new Error(`Chromium does not start: set CHROMIUM to its program. ${error.message.split('\n')[0]}`);
    });
    try {
        const page = await browser.newPage();
        page.on('console', message => console.log(message.text()));
        const base = `http://127.0.0.1:${server.address().port}`;
        await page.goto(`${base}/tests/page.html`);
        const result = await page.evaluate(async ([module, run]) => {
            const ort = await import('/ort/ort.wasm.min.mjs');
            ort.env.wasm.wasmPaths = '/ort/';
            ort.env.wasm.numThreads = 1; // more would take a page with isolation of its origin
            return (await import(`/tests/${module}`))[run](ort, '/references');
        }, [module, run]);
        return { version: browser.version(), result };
    } finally {
        await browser.close();
        server.close();
    }
}
