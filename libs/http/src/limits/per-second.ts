/** Lets so many pass in a second: whoever causes lines in the log must not make the node write more than that. */
export class PerSecond {
  private second = 0;
  private count = 0;

  constructor(private readonly most: number) {}

  passes(): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.second) this.count = 0;
    this.second = second;
    this.count += 1;
    return this.count <= this.most;
  }
}
