/* A clock that stands still until it is told to move. Implements Clock of js/src/core/pump.ts. */
export class FakeClock {
  time = 1000;
  wall = 1.7e12;
  timers = [];
  soons = [];

  now() {
    return this.time;
  }

  wallOffset() {
    return this.wall;
  }

  setTimer(callback, delayMs) {
    const timer = {callback, at: this.time + delayMs};
    this.timers.push(timer);
    return timer;
  }

  clearTimer(timer) {
    this.timers = this.timers.filter((other) => other !== timer);
  }

  soon(callback) {
    this.soons.push(callback);
  }

  runSoon() {
    const soons = this.soons;
    this.soons = [];
    for (const callback of soons) callback();
  }

  /** Fires what falls due on the way, each at its moment. */
  advance(ms) {
    const end = this.time + ms;
    for (;;) {
      const next = this.timers.sort((a, b) => a.at - b.at)[0];
      if (!next || next.at > end) break;
      this.timers.shift();
      this.time = Math.max(this.time, next.at);
      next.callback();
    }
    this.time = end;
  }
}
