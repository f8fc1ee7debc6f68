'use strict';

/** The ways of some samples from noise to data: each has states at times of its own, and is in between on a straight line. */
class Trajectories {
  #states;
  #times;
  #places; // of each sample: the last time that is not after the one it was asked for
  #turns;

  /**
   * @param first Index of the first sample.
   * @param label The class that each was asked for, or null.
   * @param outputs What the sampler gave.
   */
  constructor(first, label, outputs) {
    const { trajectory, trajectory_t, evaluations, status } = outputs;
    [this.count, this.#turns] = trajectory_t.dims;
    this.first = first;
    this.label = label;
    this.width = trajectory.data.length / trajectory_t.data.length;
    this.evaluations = evaluations.data;
    this.status = status.data;
    this.milliseconds = outputs.milliseconds;
    this.#states = trajectory.data;
    this.#times = trajectory_t.data;
    this.#places = new Uint16Array(this.count);
  }

  /** Writes the state of a sample at a flow time to `target` from `at` on. Before its first time it is at its start, after its last at its end. */
  at(sample, time, target, at = 0) {
    const last = this.#turns - 1, row = sample * this.#turns;
    let place = this.#places[sample];
    if (this.#times[row + place] > time)
      place = 0;
    while (place < last && this.#times[row + place + 1] <= time)
      place++;
    this.#places[sample] = place;
    const before = this.#times[row + place], from = (row + place) * this.width;
    const share = place < last ? Math.max(0, (time - before) / (this.#times[row + place + 1] - before)) : 0;
    for (let i = 0; i < this.width; i++) {
      const value = this.#states[from + i];
      target[at + i] = share === 0 ? value : value + share * (this.#states[from + this.width + i] - value);
    }
  }
}
