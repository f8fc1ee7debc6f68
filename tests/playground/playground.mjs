// The playground, as a user meets it. run.sh tells what it is called with.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [folder, screenshots] = process.argv.slice(2);
const Patience = 180_000;
const LeastFrames = 20; // a second, on a machine that is shared
const Models = { moons: { count: 1000, steps: 20 }, digits: { count: 40, steps: 10 }, mnist: { count: 10, steps: 10 } };

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const server = createServer((request, response) => {
  const file = join(folder, new URL(request.url, 'http://localhost').pathname.replace(/\/$/, '/index.html'));
  response.writeHead(existsSync(file) ? 200 : 404, { 'content-type': types[extname(file)] ?? 'application/octet-stream' });
  existsSync(file) ? createReadStream(file).pipe(response) : response.end();
});
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
const fromFolder = pathToFileURL(join(folder, 'index.html')).href, fromServer = process.env.PLAYGROUND ?? `http://127.0.0.1:${server.address().port}/`;

/** A page that is open, and all that went wrong on it. */
class OpenPage {
  faults = [];

  static async at(address, { theme = 'light', width = 1280, height = 860, ratio = 1, motion = 'no-preference', before } = {}) {
    const open = new OpenPage();
    open.context = await browser.newContext({ viewport: { width, height }, deviceScaleFactor: ratio, colorScheme: theme, reducedMotion: motion });
    const page = open.page = await open.context.newPage();
    page.setDefaultTimeout(Patience);
    page.on('console', message => open.faults.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', error => open.faults.push(`error: ${error.message}`));
    page.on('requestfailed', request => open.faults.push(`failed: ${request.url().slice(0, 200)}`));
    page.on('response', response => response.status() >= 400 && open.faults.push(`${response.status()}: ${response.url()}`));
    page.on('request', request => {
      if (!['file:', 'blob:', 'data:'].includes(new URL(request.url()).protocol) && !request.url().startsWith(fromServer) && !request.url().startsWith(address))
        open.faults.push(`external: ${request.url()}`);
    });
    await before?.(page);
    await page.goto(address);
    return open;
  }

  text = id => this.page.locator(`#${id}`).textContent();
  time = async () => Number(await this.page.locator('#time').inputValue());
  picture = () => this.page.locator('#canvas').evaluate(canvas => canvas.toDataURL());
  choose = async (group, name) => this.page.locator(`#${group} label`).filter({ hasText: new RegExp(`^${name}`) }).click();
  drawn = () => this.page.waitForFunction(() => document.getElementById('status').textContent.includes('evaluations each') || document.getElementById('status').classList.contains('error'));
  after = time => this.page.waitForFunction(time => Number(document.getElementById('time').value) >= time, time, { polling: 20 });
  ended = async () => {
    await this.drawn();
    await this.page.waitForFunction(() => Number(document.getElementById('time').value) >= 1 && document.getElementById('play').getAttribute('aria-label') === 'Play');
  };
  /** Draws anew by what the action does. */
  async again(action) {
    await this.page.evaluate(() => document.getElementById('status').textContent = '');
    await action();
    await this.drawn();
  }
  async close() {
    assert.deepEqual(this.faults, []);
    await this.context.close();
  }
}

let failures = 0;
async function test(name, body) {
  const started = Date.now();
  try {
    const found = await body();
    console.log(`ok    ${name}${found ? `: ${found}` : ''} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  } catch (e) {
    failures++;
    console.log(`FAIL  ${name}: ${e.message}`);
  }
}

for (const [place, address] of [['its folder', fromFolder], ['a server', fromServer]]) {
  for (const [model, { count, steps }] of Object.entries(Models)) {
    for (const solver of ['heun', 'dopri5']) {
      await test(`From ${place}, ${model} flows by ${solver}`, async () => {
        const open = await OpenPage.at(address, { theme: solver === 'heun' ? 'light' : 'dark' });
        await open.drawn();
        await open.again(async () => {
          await open.page.locator(`label[for="${solver}"]`).click();
          await open.choose('models', model);
          await open.page.locator('#draw').click();
        });
        await open.after(0.3);
        const first = await open.picture();
        await open.after(0.6);
        const middle = await open.picture();
        assert.notEqual(first, middle, 'the picture does not change while it flows');
        await open.page.screenshot({ path: join(screenshots, `${model}-${solver}-middle.png`) });
        const frames = Number(await open.text('frames'));
        await open.ended();
        assert.notEqual(await open.picture(), middle, 'the picture does not change to the end');
        await open.page.screenshot({ path: join(screenshots, `${model}-${solver}-end.png`) });
        const number = count.toLocaleString('en');
        assert.equal(await open.text('completed'), `${number} of ${number}`);
        assert.equal(await open.text('failed'), 'none failed');
        const evaluations = await open.text('evaluations');
        if (solver === 'heun')
          assert.equal(evaluations, String(2 * steps));
        else
          assert.ok(Number.parseInt(evaluations) >= 13, evaluations);
        assert.match(await open.page.locator('#canvas').getAttribute('aria-label'), new RegExp(`^${number} .* drawn by ${model}.*; at the data\\.$`));
        assert.ok(frames >= LeastFrames, `${frames} frames a second`);
        await open.close();
        return `${evaluations} evaluations, ${frames} frames a second`;
      });
    }
  }
}

await test('The same seed gives the same picture, and another one another', async () => {
  const pictures = [];
  for (const address of [fromFolder, fromServer]) {
    const open = await OpenPage.at(address, { motion: 'reduce' });
    await open.drawn();
    await open.again(() => open.choose('models', 'digits'));
    pictures.push(await open.picture());
    await open.again(() => open.page.locator('#another').click());
    pictures.push(await open.picture());
    await open.again(() => open.page.locator('#seed').fill('7').then(() => open.page.locator('#draw').click()));
    pictures.push(await open.picture());
    await open.close();
  }
  const [seven, eight, again, elsewhere] = pictures;
  assert.notEqual(seven, eight);
  assert.equal(seven, again);
  assert.equal(seven, elsewhere);
});

await test("A seed's noise is the runtime's", async () => {
  const open = await OpenPage.at(fromFolder, { motion: 'reduce' });
  await open.drawn();
  // Known answers of Random123 for Philox4x32-10, which the runtime is tested by, too; then what its Noise.Fill(seed: 7, index: 1) gives.
  assert.deepEqual(await open.page.evaluate('Noise.block(0, 0, 0, 0, 0, 0)'), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  assert.deepEqual(await open.page.evaluate('Noise.block(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0)'), [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]);
  const normals = await open.page.evaluate('(row => { Noise.fill(7, 1, row); return [...row]; })(new Float32Array(2))');
  [0.5599218, 1.0453334].forEach((value, i) => assert.ok(Math.abs(normals[i] - value) < 1e-6, `${normals}`));
  await open.close();
});

await test('Labels and guidance change what is drawn', async () => {
  const open = await OpenPage.at(fromFolder, { motion: 'reduce' });
  await open.drawn();
  assert.ok(await open.page.locator('#guidance').isHidden(), 'moons can be guided');
  const pictures = new Set();
  await open.again(() => open.choose('models', 'digits'));
  pictures.add(await open.picture());
  for (const label of ['any', '3']) {
    await open.again(() => open.choose('labels', label));
    pictures.add(await open.picture());
  }
  await open.again(() => open.page.locator('#guidance').fill('3'));
  pictures.add(await open.picture());
  assert.equal(pictures.size, 4);
  await open.close();
});

await test('The keyboard alone draws, plays, pauses and goes through time', async () => {
  const open = await OpenPage.at(fromFolder), { page } = open;
  await open.ended();
  const reached = [];
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.tagName);
  async function tabTo(id) {
    for (let i = 0; i < 40 && await focused() !== id; i++) {
      await page.keyboard.press('Tab');
      reached.push(await focused());
    }
    assert.equal(await focused(), id);
    const visible = await page.evaluate(() => {
      const element = document.activeElement, shown = element.matches('input[type="radio"]') ? element.nextElementSibling : element;
      return getComputedStyle(shown).outlineStyle !== 'none' && parseFloat(getComputedStyle(shown).outlineWidth) >= 2;
    });
    assert.ok(visible, `the focus on ${id} cannot be seen`);
  }
  await tabTo('play');
  await page.keyboard.press('Space');
  await open.after(0.1);
  await page.keyboard.press('Space');
  assert.equal(await page.locator('#play').getAttribute('aria-label'), 'Play');
  await tabTo('time');
  await page.keyboard.press('End');
  const end = await open.picture();
  await page.keyboard.press('Home');
  assert.equal(await open.time(), 0);
  assert.notEqual(await open.picture(), end);
  for (let i = 0; i < 20; i++)
    await page.keyboard.press('ArrowRight');
  assert.ok(Math.abs(await open.time() - 0.1) < 1e-6, `the time is ${await open.time()}`);
  await tabTo('model-0');
  await open.again(() => page.keyboard.press('ArrowRight'));
  assert.match(await open.text('caption'), /^digits/);
  await tabTo('label-all');
  await open.again(() => page.keyboard.press('ArrowRight'));
  await tabTo('guidance');
  await open.again(() => page.keyboard.press('ArrowRight'));
  await tabTo('heun');
  await open.again(() => page.keyboard.press('ArrowRight'));
  await tabTo('tolerance');
  await open.again(() => page.keyboard.press('ArrowLeft'));
  await tabTo('count');
  await open.again(() => page.keyboard.press('ArrowLeft'));
  assert.equal(await open.text('completed'), '39 of 39');
  await tabTo('seed');
  await open.again(() => page.keyboard.type('1').then(() => page.keyboard.press('Enter')));
  await tabTo('another');
  await tabTo('draw');
  await open.again(() => page.keyboard.press('Enter'));
  await open.close();
});

await test('Every control has a name', async () => {
  const open = await OpenPage.at(fromFolder, { motion: 'reduce' });
  await open.drawn();
  await open.again(() => open.choose('models', 'digits'));
  const nameless = await open.page.evaluate(() => [...document.querySelectorAll('input, button, canvas')].filter(element =>
    !(element.getAttribute('aria-label') || element.textContent.trim() || [...element.labels ?? []].some(label => label.textContent.trim()))).map(element => element.id));
  assert.deepEqual(nameless, []);
  await open.close();
});

await test('Light and dark differ, by the system and by the button', async () => {
  const shots = [];
  for (const theme of ['light', 'dark']) {
    const open = await OpenPage.at(fromFolder, { theme, motion: 'reduce' });
    await open.drawn();
    const ground = () => open.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    shots.push([await ground(), await open.picture()]);
    await open.page.locator('#theme').click();
    shots.push([await ground(), await open.picture()]);
    await open.close();
  }
  const [light, lightTurned, dark, darkTurned] = shots;
  assert.deepEqual(lightTurned, dark);
  assert.deepEqual(darkTurned, light);
  assert.notEqual(light[0], dark[0]);
  assert.notEqual(light[1], dark[1]);
});

await test('Where motion is to be reduced the end is shown, and time goes by hand', async () => {
  const open = await OpenPage.at(fromFolder, { motion: 'reduce' });
  await open.drawn();
  assert.equal(await open.time(), 1);
  const end = await open.picture();
  await open.page.waitForTimeout(500);
  assert.equal(await open.picture(), end);
  await open.page.locator('#time').fill('0.5');
  assert.notEqual(await open.picture(), end);
  await open.close();
});

await test('On a phone nothing is wider than the screen', async () => {
  for (const [model, theme] of [['moons', 'light'], ['digits', 'dark']]) {
    const open = await OpenPage.at(fromFolder, { theme, width: 360, height: 740, ratio: 3 });
    await open.drawn();
    await open.choose('models', model);
    await open.ended();
    assert.equal(await open.page.evaluate(() => document.documentElement.scrollWidth), 360);
    await open.page.screenshot({ path: join(screenshots, `${model}-phone.png`), fullPage: true });
    await open.close();
  }
});

await test('The page stays at hand while it computes', async () => {
  const open = await OpenPage.at(fromFolder);
  await open.drawn();
  await open.choose('models', 'mnist');
  await open.page.waitForFunction(() => document.getElementById('completed').textContent === '2 of 10');
  const started = Date.now();
  await open.page.locator('#play').click();
  assert.equal(await open.page.locator('#play').getAttribute('aria-label'), 'Play');
  assert.ok(Date.now() - started < 2000, 'a click takes seconds');
  await open.again(() => open.choose('models', 'moons'));
  assert.equal(await open.text('completed'), '1,000 of 1,000');
  await open.close();
});

await test("flow play offers the user's own model first, and both solvers draw it", async () => {
  const [program, ...begin] = process.env.FLOW.split(' ');
  const flow = spawn(program, [...begin, 'play', join(folder, '../../exported-models/8gaussians.onnx'), '--page', folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const address = await new Promise((resolve, reject) => {
      let said = '';
      flow.stdout.on('data', text => /http:\S+/.test(said += text) && resolve(/http:\S+/.exec(said)[0]));
      flow.on('exit', code => reject(new Error(`flow play ended with ${code}`)));
    });
    const open = await OpenPage.at(address, { motion: 'reduce' });
    await open.drawn();
    assert.match(await open.text('caption'), /^8gaussians\.onnx/);
    const fixed = await open.picture();
    await open.again(() => open.page.locator('label[for="dopri5"]').click());
    assert.equal(await open.text('failed'), 'none failed');
    assert.notEqual(await open.picture(), fixed);
    await open.close();
  } finally {
    flow.removeAllListeners('exit');
    flow.kill('SIGINT');
  }
  assert.equal(await new Promise(resolve => flow.on('exit', code => resolve(code))), 0);
});

await test('Without onnxruntime-web a line says what to run', async () => {
  const open = await OpenPage.at(fromServer, { before: page => page.route('**/runtime/runtime.js', route => route.fulfill({ status: 404 })) });
  await open.drawn();
  assert.match(await open.text('status'), /run docs\/playground\/get-runtime\.sh/);
  open.faults = open.faults.filter(fault => !/404|runtime\.js/.test(fault));
  await open.close();
});

await browser.close();
server.close();
console.log(failures === 0 ? `Screenshots are in ${screenshots}.` : `${failures} failed.`);
process.exitCode = failures === 0 ? 0 : 1;
