'use strict';

/** What the canvas shows: points on their plane, or images side by side. Sizes are in CSS pixels, and lines fall on those of the screen. */
class Scene {
  static light = { dark: false, ink: '#6b6f76', line: '#e4e4e0', empty: '#ecece8', failed: '#d0006f', tail: 0.22 };
  static dark = { dark: true, ink: '#8b919b', line: '#24282f', empty: '#1d2127', failed: '#ff4fa3', tail: 0.3 };

  /** Colours around a circle: by class, or by the direction in which a point starts. */
  static colours = ['#4f6df5', '#7a5cf0', '#a652e0', '#d04cb8', '#e8568b', '#f0705f', '#ee8f43', '#d9a92f', '#93b23f', '#4bb16c', '#2aa89a', '#2f90cc'];

  #canvas;
  #context;
  #palette = Scene.light;
  #view = null;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d');
  }

  set isDark(dark) {
    this.#palette = dark ? Scene.dark : Scene.light;
  }

  /** Shows samples from now on: their shape, the columns of points as the card has them, how many there will be, and the names that stand under images. */
  show(shape, columns, count, captions) {
    this.#view = shape.length === 1 ? new PointsView(columns) : new ImagesView(shape, count, captions);
  }

  /** Fits the canvas to its place; whether anything changed. */
  fit() {
    const ratio = Math.min(window.devicePixelRatio || 1, 3), { clientWidth, clientHeight } = this.#canvas;
    const width = Math.round(clientWidth * ratio), height = Math.round(clientHeight * ratio);
    if (this.#canvas.width === width && this.#canvas.height === height)
      return false;
    this.#canvas.width = width;
    this.#canvas.height = height;
    return true;
  }

  /** Draws samples, each at its own flow time: `timeOf(trajectories, sample)`. */
  draw(parts, timeOf) {
    const context = this.#context, ratio = this.#canvas.width / Math.max(1, this.#canvas.clientWidth);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    if (this.#view === null)
      return;
    context.font = '12px system-ui, sans-serif';
    this.#view.draw(context, this.#canvas.width / ratio, this.#canvas.height / ratio, ratio, this.#palette, parts, timeOf);
  }
}

/** Points of two values, in the data's units, with short tails where they come from. */
class PointsView {
  static reach = 2.4; // standard deviations on each side

  #mean;
  #scale;
  #names;
  #sprites = new Map();
  #now = new Float32Array(2);
  #before = new Float32Array(2);
  #start = new Float32Array(2);

  constructor(columns) {
    this.#mean = columns?.mean ?? [0, 0];
    this.#scale = columns?.scale ?? [1, 1];
    this.#names = columns?.names ?? ['first value', 'second value'];
  }

  draw(context, width, height, ratio, palette, parts, timeOf) {
    context.scale(ratio, ratio);
    const place = this.#place(width, height);
    this.#drawAxes(context, width, height, palette, place, ratio);

    const total = parts.reduce((sum, part) => sum + part.count, 0), radius = total > 2500 || width < 480 && total > 600 ? 1.5 : total > 600 ? 2 : 3;
    const tails = Scene.colours.map(() => null), [x, y] = place;
    const spots = [];
    for (const part of parts) {
      part.colours ??= this.#coloursOf(part);
      for (let i = 0; i < part.count; i++) {
        const time = timeOf(part, i), colour = part.colours[i];
        part.at(i, time, this.#now);
        const [left, top] = [x(this.#now[0]), y(this.#now[1])];
        const lag = 0.09 * Math.min(1, 5 * (1 - time));
        if (time > 0 && lag > 0.002) {
          part.at(i, Math.max(0, time - lag), this.#before);
          const tail = tails[colour] ??= new Path2D();
          tail.moveTo(x(this.#before[0]), y(this.#before[1]));
          tail.lineTo(left, top);
        }
        spots.push(left, top, part.status[i] === 0 || time < 1 ? colour : -1);
      }
    }
    context.lineWidth = radius;
    context.lineCap = 'butt';
    context.globalAlpha = palette.tail;
    tails.forEach((tail, colour) => {
      if (tail !== null) {
        context.strokeStyle = Scene.colours[colour];
        context.stroke(tail);
      }
    });
    context.globalAlpha = 0.9;
    const size = 2 * radius + 2;
    for (let i = 0; i < spots.length; i += 3)
      context.drawImage(this.#sprite(spots[i + 2], radius, ratio, palette), spots[i] - size / 2, spots[i + 1] - size / 2, size, size);
    context.globalAlpha = 1;
  }

  /** Where values of either column lie. The scale is one where the columns' are alike, so that shapes are not bent. */
  #place(width, height) {
    const alike = Math.max(...this.#scale) < 4 * Math.min(...this.#scale);
    const sizes = [width, height].map((size, i) => (size - 24) / (2 * PointsView.reach * this.#scale[i]));
    const [across, up] = alike ? [Math.min(...sizes), Math.min(...sizes)] : sizes;
    return [value => width / 2 + across * (value - this.#mean[0]), value => height / 2 - up * (value - this.#mean[1]), across, up];
  }

  #drawAxes(context, width, height, palette, [x, y, across, up], ratio) {
    const crisp = value => (Math.round(value * ratio) + 0.5) / ratio;
    context.strokeStyle = palette.line;
    context.fillStyle = palette.ink;
    context.lineWidth = 1 / ratio;
    context.beginPath();
    const xs = PointsView.ticks(this.#mean[0] - width / 2 / across, this.#mean[0] + width / 2 / across);
    const ys = PointsView.ticks(this.#mean[1] - height / 2 / up, this.#mean[1] + height / 2 / up);
    for (const value of xs) {
      context.moveTo(crisp(x(value)), 0);
      context.lineTo(crisp(x(value)), height);
    }
    for (const value of ys) {
      context.moveTo(0, crisp(y(value)));
      context.lineTo(width, crisp(y(value)));
    }
    context.stroke();
    const text = value => String(Number(value.toPrecision(6))).replace('-', '−');
    context.textAlign = 'center';
    for (const value of xs.filter(value => x(value) > 24 && x(value) < width - 60))
      context.fillText(text(value), x(value), height - 6);
    context.textAlign = 'left';
    for (const value of ys.filter(value => y(value) > 28 && y(value) < height - 24))
      context.fillText(text(value), 6, y(value) - 5);
    context.fillText(this.#names[1], 6, 16);
    context.textAlign = 'right';
    context.fillText(this.#names[0], width - 6, height - 6);
  }

  /** Four to ten round numbers of a range. */
  static ticks(from, to) {
    const rough = (to - from) / 5, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find(factor => factor * power >= rough);
    const ticks = [];
    for (let i = Math.ceil(from / step); i * step <= to; i++)
      ticks.push(i * step);
    return ticks;
  }

  #coloursOf(part) {
    const many = Scene.colours.length;
    return Uint8Array.from({ length: part.count }, (_, i) => {
      if (part.label !== null)
        return part.label[i] * 5 % many;
      part.at(i, 0, this.#start);
      const angle = Math.atan2((this.#start[1] - this.#mean[1]) / this.#scale[1], (this.#start[0] - this.#mean[0]) / this.#scale[0]);
      return Math.floor((angle / (2 * Math.PI) + 1) * many) % many;
    });
  }

  #sprite(colour, radius, ratio, palette) {
    const key = `${colour} ${radius} ${ratio} ${palette.dark}`;
    let sprite = this.#sprites.get(key);
    if (sprite === undefined) {
      sprite = document.createElement('canvas');
      sprite.width = sprite.height = Math.ceil((2 * radius + 2) * ratio);
      const context = sprite.getContext('2d');
      context.fillStyle = colour === -1 ? palette.failed : Scene.colours[colour];
      context.arc(sprite.width / 2, sprite.width / 2, radius * ratio, 0, 2 * Math.PI);
      context.fill();
      this.#sprites.set(key, sprite);
    }
    return sprite;
  }
}

/** Images of one channel or three with values from 0 (black) to 1 (white), each in a tile of its own. Within, sizes are in the screen's pixels. */
class ImagesView {
  static gap = 10;
  static captionHeight = 18;

  #channels;
  #rows;
  #columns;
  #captions;
  #count;
  #values;
  #picture;
  #pixels;

  constructor([channels, rows, columns], count, captions) {
    [this.#channels, this.#rows, this.#columns, this.#count, this.#captions] = [channels, rows, columns, count, captions];
    this.#values = new Float32Array(channels * rows * columns);
    this.#picture = document.createElement('canvas');
    [this.#picture.width, this.#picture.height] = [columns, rows * count];
    this.#pixels = new ImageData(columns, rows * count);
  }

  draw(context, width, height, ratio, palette, parts, timeOf) {
    const { across, wide, high, step, left, top } = this.#layout(width, height, ratio);
    const corner = Math.min(6 * ratio, wide / 8);
    const tile = index => [left + index % across * step[0], top + Math.floor(index / across) * step[1]];

    let known = 0;
    const failed = [];
    for (const part of parts) {
      for (let i = 0; i < part.count; i++) {
        const time = timeOf(part, i);
        part.at(i, time, this.#values);
        this.#paint(part.first + i);
        if (part.status[i] !== 0 && time >= 1)
          failed.push(part.first + i);
      }
      known += part.count;
    }
    if (known > 0)
      this.#picture.getContext('2d').putImageData(this.#pixels, 0, 0, 0, 0, this.#columns, this.#rows * known);

    context.fillStyle = palette.empty;
    context.beginPath();
    for (let i = known; i < this.#count; i++)
      context.roundRect(...tile(i), wide, high, corner);
    context.fill();

    context.save();
    context.beginPath();
    for (let i = 0; i < known; i++)
      context.roundRect(...tile(i), wide, high, corner);
    context.clip();
    context.imageSmoothingEnabled = false;
    for (let i = 0; i < known; i++)
      context.drawImage(this.#picture, 0, i * this.#rows, this.#columns, this.#rows, ...tile(i), wide, high);
    context.restore();

    context.strokeStyle = palette.failed;
    context.lineWidth = 3 * ratio;
    for (const i of failed)
      context.strokeRect(...tile(i), wide, high);

    if (this.#captions !== null) {
      context.font = `${12 * ratio}px system-ui, sans-serif`;
      context.textAlign = 'center';
      context.fillStyle = palette.ink;
      for (let i = 0; i < this.#count; i++) {
        const [x, y] = tile(i);
        context.fillText(this.#captions[i % this.#captions.length], x + wide / 2, y + high + 14 * ratio, step[0]);
      }
    }
  }

  /** The number of columns that gives the largest tiles; tiles are of whole pixels of the screen. */
  #layout(width, height, ratio) {
    const gap = Math.round(ImagesView.gap * ratio), under = this.#captions === null ? 0 : Math.round(ImagesView.captionHeight * ratio);
    const [room, roomDown] = [width * ratio, height * ratio];
    let best = { scale: 0 };
    for (let across = 1; across <= this.#count; across++) {
      const down = Math.ceil(this.#count / across);
      const scale = Math.min(((room - gap) / across - gap) / this.#columns, ((roomDown - gap) / down - gap - under) / this.#rows);
      if (scale > best.scale)
        best = { across, down, scale };
    }
    const { across = 1, down = this.#count } = best;
    const [wide, high] = [this.#columns, this.#rows].map(size => Math.max(1, Math.floor(best.scale * size)));
    const step = [wide + gap, high + gap + under];
    return { across, wide, high, step, left: Math.round((room - across * step[0] + gap) / 2), top: Math.round((roomDown - down * step[1] + gap) / 2) };
  }

  #paint(index) {
    const area = this.#rows * this.#columns, pixels = this.#pixels.data;
    for (let i = 0, at = 4 * area * index; i < area; i++, at += 4) {
      for (let channel = 0; channel < 3; channel++)
        pixels[at + channel] = 255 * this.#values[this.#channels === 1 ? i : channel * area + i]; // rounded and bounded by the array
      pixels[at + 3] = 255;
    }
  }
}
