'use strict';

/** The page: what is chosen is drawn part by part in the worker, and each part flows as soon as it is there. */
(() => {
  const at = id => document.getElementById(id);
  const chosen = name => document.querySelector(`input[name="${name}"]:checked`)?.value;

  const FlowSeconds = 4, Spread = 0.5; // seconds of a sample's way, and between the first and the last start of a part
  const Any = 'any', All = 'all';
  const Statuses = ['completed', 'not finite', 'out of steps', 'its step too small'];
  const still = matchMedia('(prefers-reduced-motion: reduce)'), dark = matchMedia('(prefers-color-scheme: dark)');

  const scene = new Scene(at('canvas'));
  let starting = null; // onnxruntime-web, from the first drawing on
  let opened = null; // the sampler that is shown: { model, solver, inputs, noise, shape, card }
  let parts = []; // trajectories, each with its start on the clock
  let wanted = 0; // samples that are asked for
  let drawing = 0; // number of the newest drawing; older ones stop
  let computing = false;

  let clock = 0; // seconds of flowing so far
  let playing = false;
  let scheduled = false; // whether a frame is
  let together = null; // the one time of all samples, or null where each has its own
  let lastFrame = null;
  let frames = 0, frameSeconds = 0;

  // Time

  const ownTime = (part, i) => Math.min(1, Math.max(0, (clock - part.start - Spread * part.delays[i]) / FlowSeconds));
  const timeOf = (part, i) => together ?? ownTime(part, i);

  function meanTime() {
    if (together !== null)
      return together;
    let sum = 0;
    for (const part of parts) {
      for (let i = 0; i < part.count; i++)
        sum += ownTime(part, i);
    }
    return wanted === 0 ? 0 : sum / wanted;
  }

  function frame(now) {
    scheduled = false;
    const seconds = lastFrame === null ? 0 : (now - lastFrame) / 1000;
    lastFrame = now;
    if (playing && parts.length > 0) {
      frames++;
      frameSeconds += seconds;
      if (together === null)
        clock += Math.min(seconds, 0.1);
      else
        together = Math.min(1, together + seconds / FlowSeconds);
      if (frameSeconds >= 0.5)
        tellFrames();
    }
    const time = meanTime();
    if (!computing && playing && time >= 1) {
      together = 1;
      playing = false;
      if (frames > 5)
        tellFrames();
      describe();
    }
    paint(time);
    if (playing)
      schedule();
    else
      lastFrame = null;
  }

  function tellFrames() {
    at('frames').textContent = Math.round(frames / frameSeconds);
    frames = frameSeconds = 0;
  }

  function paint(time = meanTime()) {
    scene.fit();
    scene.draw(parts, timeOf);
    at('time').value = time;
    at('time').style.setProperty('--filled', time);
    at('time-value').textContent = `t = ${time.toFixed(2)}`;
    if (!playing)
      at('time').setAttribute('aria-valuetext', time.toFixed(2));
    at('play').setAttribute('aria-label', playing ? 'Pause' : 'Play');
    at('play').classList.toggle('playing', playing);
  }

  function play() {
    if (playing)
      return;
    playing = true;
    schedule();
  }

  function schedule() {
    if (!scheduled)
      requestAnimationFrame(frame);
    scheduled = true;
  }

  // Drawing

  function started() {
    if (starting === null) {
      starting = Samplers.start();
      starting.catch(() => starting = null);
    }
    return starting;
  }

  async function draw() {
    const number = ++drawing, isCurrent = () => number === drawing;
    const model = Models.offered[chosen('model')], solver = chosen('solver');
    [parts, wanted, clock, frames, frameSeconds] = [[], 0, 0, 0, 0];
    [playing, computing] = [false, true];
    together = still.matches ? 1 : null;
    at('play').disabled = at('time').disabled = true;
    try {
      if (opened?.model !== model || opened.solver !== solver) {
        say(`Opening ${model.name}…`);
        const sampler = await (await started()).open(model, solver);
        if (!isCurrent())
          return;
        requireDrawable(model, sampler.shape);
        const before = opened?.model;
        opened = { model, solver, ...sampler };
        if (before !== model)
          adapt(opened);
      }
      const sampler = opened, samplers = await started(), settings = read(sampler);
      wanted = settings.count;
      scene.show(sampler.shape, sampler.card.data?.columns, wanted, settings.captions);
      tell();
      paint();
      say('Drawing…');
      for (let first = 0; first < wanted && isCurrent(); first += settings.chunk) {
        const count = Math.min(settings.chunk, wanted - first);
        const labels = settings.labels && Array.from({ length: count }, (_, i) => settings.labels[(first + i) % settings.labels.length]);
        const outputs = await samplers.draw(model, solver, feeds(sampler, settings, first, count, labels));
        if (isCurrent())
          add(new Trajectories(first, settings.byClass ? labels : null, outputs));
      }
      if (!isCurrent())
        return;
      computing = false;
      say(summary());
      describe();
    } catch (e) {
      if (isCurrent()) {
        computing = false;
        wanted = done(); // what is there flows to its end
        tell();
        describe();
        say(e.message, true);
      }
    }
  }

  /** What the controls say. */
  function read({ shape, card, inputs }) {
    const classes = card.conditions?.classes, label = classes && chosen('label');
    return {
      count: Number(at('count').value) * (shape.length === 1 ? 50 : 1),
      chunk: shape.length === 1 ? 250 : Math.max(1, Math.floor(256 / (shape[1] * shape[2]))),
      seed: Math.min(Math.max(Math.floor(Number(at('seed').value)) || 0, 0), 2 ** 32 - 1),
      labels: classes && (label === All ? classes.names.map((_, i) => i) : [label === Any ? classes.null : Number(label)]),
      captions: classes && label !== Any ? (label === All ? classes.names : [classes.names[label]]) : null,
      byClass: Boolean(classes) && label === All,
      guidance: inputs.includes('guidance') ? Number(at('guidance').value) : null,
      steps: Number(at('steps').value),
      tolerance: 10 ** Number(at('tolerance').value),
    };
  }

  /** The sampler's inputs for some samples. */
  function feeds({ model, inputs, noise, card }, settings, first, count, labels) {
    const width = noise.reduce((product, size) => product * size, 1);
    const numbers = new Float32Array(count * width);
    for (let i = 0; i < count; i++)
      Noise.fill(settings.seed, first + i, numbers.subarray(i * width, (i + 1) * width));
    const column = value => ({ type: 'float32', data: new Float32Array(count).fill(value), dims: [count, 1] });
    const all = {
      noise: { type: 'float32', data: numbers, dims: [count, ...noise] },
      steps: { type: 'int64', data: BigInt64Array.of(BigInt(settings.steps)), dims: [1] },
      rtol: column(settings.tolerance),
      atol: column(settings.tolerance),
      guidance: column(settings.guidance),
    };
    if (labels)
      all[card.conditions.classes.input] = { type: 'int64', data: BigInt64Array.from(labels, BigInt), dims: [count, 1] };
    return Object.fromEntries(inputs.map(name => {
      if (!(name in all))
        throw new Error(`${model.name} wants '${name}', which this page does not give.`);
      return [name, all[name]];
    }));
  }

  function add(part) {
    part.start = clock;
    // Golden steps spread the starts evenly, whatever their number.
    part.delays = Float32Array.from({ length: part.count }, (_, i) => part.count === 1 ? 0 : (i * 0.618034) % 1);
    parts.push(part);
    if (parts.length === 1) {
      at('play').disabled = at('time').disabled = false;
      if (together === null)
        play();
    }
    tell();
    if (!playing)
      paint();
  }

  // What is said

  function say(text, isError = false) {
    at('status').textContent = text;
    at('status').classList.toggle('error', isError);
  }

  function evaluations() {
    let [least, sum, most, count] = [Infinity, 0, 0, 0];
    for (const part of parts) {
      for (const number of part.evaluations) {
        [least, most] = [Math.min(least, number), Math.max(most, number)];
        sum += number;
        count++;
      }
    }
    return { least, mean: sum / count, most };
  }

  function failures() {
    const counts = Statuses.map(() => 0);
    for (const part of parts)
      part.status.forEach(status => counts[status]++);
    return counts.map((count, status) => [count, Statuses[status]]).slice(1).filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`).join(', ');
  }

  const done = () => parts.reduce((sum, part) => sum + part.count, 0);
  const milliseconds = () => parts.reduce((sum, part) => sum + part.milliseconds, 0);
  const whole = number => Math.round(number).toLocaleString('en');

  function tell() {
    const known = done();
    if (known === 0) {
      for (const id of ['evaluations', 'milliseconds', 'frames'])
        at(id).textContent = '–';
      at('evaluations-note').textContent = at('milliseconds-note').textContent = at('failed').textContent = '';
      at('completed').textContent = `0 of ${whole(wanted)}`;
      return;
    }
    const { least, mean, most } = evaluations(), time = milliseconds(), completed = parts.reduce((sum, part) => sum + part.status.filter(status => status === 0).length, 0);
    at('evaluations').textContent = least === most ? whole(least) : `${least} – ${mean.toFixed(1)} – ${most}`;
    at('evaluations-note').textContent = least === most ? 'each' : 'least – mean – most';
    at('milliseconds').textContent = `${whole(time)} ms`;
    at('milliseconds-note').textContent = `${time / known < 10 ? (time / known).toFixed(2) : whole(time / known)} ms a sample`;
    at('completed').textContent = `${whole(completed)} of ${whole(wanted)}`;
    at('failed').textContent = failures() || (known === wanted ? 'none failed' : 'drawing…');
  }

  function summary() {
    const { least, mean, most } = evaluations();
    return `${whole(done())} samples, ${least === most ? least : mean.toFixed(1)} evaluations each, in ${whole(milliseconds())} ms; ${failures() || 'none failed'}.`;
  }

  /** The canvas in words. */
  function describe() {
    if (opened === null || parts.length === 0) {
      at('canvas').setAttribute('aria-label', 'Nothing is drawn.');
      return;
    }
    const label = chosen('label'), classes = opened.card.conditions?.classes;
    const of = classes && label !== Any ? `, asked for ${label === All ? `${classes.names.join(', ')} in turn` : classes.names[label]}` : '';
    const time = meanTime(), where = time >= 1 ? 'at the data' : time <= 0 ? 'still noise' : `on their way from noise to data, at time ${time.toFixed(2)}`;
    at('canvas').setAttribute('aria-label', `${whole(done())} ${opened.shape.length === 1 ? 'points' : 'pictures'} drawn by ${opened.model.name}${of}; ${where}.`);
  }

  // Controls

  /** Radio buttons in a row: each has a value and a text. */
  function fill(place, name, choices, checked) {
    place.replaceChildren(...choices.flatMap(([value, text]) => {
      const input = document.createElement('input'), label = document.createElement('label');
      [input.type, input.name, input.value, input.id] = ['radio', name, value, `${name}-${value}`];
      input.checked = value === checked;
      [label.htmlFor, label.textContent] = [input.id, text];
      return [input, label];
    }));
  }

  function requireDrawable(model, shape) {
    if (!(shape.length === 1 && shape[0] === 2 || shape.length === 3 && (shape[0] === 1 || shape[0] === 3)))
      throw new Error(`${model.name} is of shape [${shape.join(', ')}]. Points of two values and images [1 or 3, height, width] are drawn here.`);
  }

  /** Offers what a model knows, and what suits it. */
  function adapt({ model, shape, card, inputs }) {
    const isImage = shape.length === 3, classes = card.conditions?.classes;
    at('label-choice').hidden = !classes;
    if (classes)
      fill(at('labels'), 'label', [[All, 'all'], ...(classes.null === undefined ? [] : [[Any, 'any']]), ...classes.names.map((name, i) => [String(i), name])], All);
    at('guidance-choice').hidden = !inputs.includes('guidance');
    const large = isImage && shape[1] * shape[2] > 256;
    at('steps').value = isImage ? 10 : 20;
    // A trajectory of each sample stays in memory, up to 51 places of float32: half a gigabyte at most.
    at('count').max = Math.max(1, Math.min(60, Math.floor(2.5e6 / shape.reduce((product, size) => product * size, isImage ? 1 : 50))));
    at('count').value = large ? 10 : isImage ? 40 : 20;
    at('guidance').value = 1;
    const bounds = isImage ? `pictures of ${shape[2]} × ${shape[1]}, from 0 (black) to 1 (white)` : `points (${(card.data?.columns?.names ?? ['x', 'y']).join(', ')}), coloured by ${classes ? 'their class' : 'where they start'}`;
    at('caption').replaceChildren(Object.assign(document.createElement('strong'), { textContent: model.name }), ` ${bounds}`);
    const { data, steps, licence } = card.provenance ?? {};
    at('origin').textContent = [data && `Trained on ${data}${steps ? ` for ${whole(steps)} steps` : ''}.`, licence && `Licence: ${licence}.`].filter(Boolean).join(' ');
    show();
  }

  /** Shows the values of the sliders. */
  function show() {
    const isAdaptive = chosen('solver') === 'dopri5', isImage = opened?.shape.length === 3;
    at('steps-choice').hidden = isAdaptive;
    at('tolerance-choice').hidden = !isAdaptive;
    const model = Models.offered[chosen('model')];
    for (const solver of ['heun', 'dopri5'])
      at(solver).disabled = model !== undefined && !model[solver];
    const exponent = Number(at('tolerance').value);
    const texts = {
      guidance: Number(at('guidance').value).toFixed(2),
      steps: at('steps').value,
      tolerance: `${Number.isInteger(exponent) ? 1 : 3.2}e${Math.floor(exponent)}`.replace('-', '−'),
      count: whole(Number(at('count').value) * (isImage ? 1 : 50)),
    };
    for (const [id, text] of Object.entries(texts)) {
      document.querySelector(`output[for="${id}"]`).textContent = text;
      at(id).setAttribute('aria-valuetext', text);
      at(id).style.setProperty('--filled', (at(id).value - at(id).min) / (at(id).max - at(id).min));
    }
  }

  function colour() {
    const theme = document.documentElement.dataset.theme, isDark = theme ? theme === 'dark' : dark.matches;
    scene.isDark = isDark;
    at('theme').setAttribute('aria-pressed', isDark);
    paint();
  }

  let soon = 0;
  function drawSoon() {
    clearTimeout(soon);
    soon = setTimeout(draw, 150);
  }

  at('controls').addEventListener('submit', event => {
    event.preventDefault();
    clearTimeout(soon);
    draw();
  });
  at('controls').addEventListener('input', show);
  at('controls').addEventListener('change', event => {
    const model = Models.offered[chosen('model')];
    if (event.target.name === 'model' && !model[chosen('solver')])
      at(model.heun ? 'heun' : 'dopri5').checked = true;
    show();
    drawSoon();
  });
  at('another').addEventListener('click', () => {
    at('seed').value = (Number(at('seed').value) + 1) % 2 ** 32;
    drawSoon();
  });
  at('play').addEventListener('click', () => {
    if (playing) {
      playing = false;
    } else {
      if (together !== null && together >= 1)
        together = 0;
      play();
    }
    describe();
    paint();
  });
  at('time').addEventListener('input', () => {
    [together, playing] = [Number(at('time').value), false];
    paint();
    describe();
  });
  at('theme').addEventListener('click', () => {
    document.documentElement.dataset.theme = at('theme').getAttribute('aria-pressed') === 'true' ? 'light' : 'dark';
    colour();
  });
  dark.addEventListener('change', colour);
  new ResizeObserver(() => paint()).observe(at('canvas'));

  fill(at('models'), 'model', Models.offered.map((model, i) => [String(i), model.name]), '0');
  show();
  colour();
  draw();
})();
