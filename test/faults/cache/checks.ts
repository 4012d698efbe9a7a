import { apply, type Call, type Step } from './model.js';

const describeCall = (call: Call) =>
  `client ${call.client} ${call.kind} ${JSON.stringify(call.input)} at ${call.invokedAt.toFixed(1)}..` +
  `${call.respondedAt.toFixed(1)} -> ${JSON.stringify(call.output)}`;

/**
 * The exact check: a version is one value for ever, and no answer shows an older version than any answer that came
 * before its call began. It needs no search, and it holds through every loss of data.
 */
export function checkVersions(calls: readonly Call[]): string[] {
  const violations: string[] = [];
  const values = new Map<string, string>();
  for (const call of calls) {
    if (call.outcome !== 'ok' || call.output?.version == null) continue;
    const { version } = call.output;
    const value = call.output.value ?? '';
    const known = values.get(version);
    if (known !== undefined && known !== value) {
      violations.push(`version ${version} was ${known} and ${value}: ${describeCall(call)}`);
    }
    values.set(version, value);
  }
  const told = calls.filter((call) => call.outcome === 'ok' && call.output?.version != null);
  const byAnswer = [...told].sort((a, b) => a.respondedAt - b.respondedAt);
  const byCall = [...told].sort((a, b) => a.invokedAt - b.invokedAt);
  let newest = 0n;
  let newestCall: Call | undefined;
  let next = 0;
  for (const call of byCall) {
    for (; ; next += 1) {
      const answered = byAnswer[next];
      if (answered === undefined || answered.respondedAt >= call.invokedAt) break;
      const version = BigInt(answered.output?.version ?? 0);
      if (version > newest) {
        newest = version;
        newestCall = answered;
      }
    }
    if (BigInt(call.output?.version ?? 0) < newest && newestCall !== undefined) {
      violations.push(`older than known: ${describeCall(call)}\n  known by: ${describeCall(newestCall)}`);
    }
  }
  return violations;
}

/** The calls on one key as steps of a register. What cannot have been noticed is left out. */
export function stepsOf(calls: readonly Call[]): Step[] {
  const values = new Map<string, string>();
  for (const { output } of calls) {
    if (output?.version != null && output.value !== null) values.set(output.version, output.value);
  }
  const seen = new Set(calls.filter(({ kind }) => kind === 'get').map(({ output }) => output?.value));
  const steps: Step[] = [];
  for (const call of calls) {
    const { kind, outcome, input, output, invokedAt: from, respondedAt: to } = call;
    if (outcome === 'refused') continue;
    const required = outcome === 'ok';
    if (kind === 'get') {
      if (required) steps.push({ kind: 'read', from, to, required, value: output?.value ?? null });
    } else if (kind === 'delete') {
      steps.push({ kind: 'delete', from, to, required, value: null });
    } else if (required || seen.has(input.value)) {
      const expected = input.expected === undefined ? undefined : (values.get(input.expected) ?? 'unknown');
      steps.push({ kind: 'write', from, to, required, value: input.value ?? '', expected });
    }
  }
  return steps.sort((a, b) => a.from - b.from);
}

/**
 * Looks for an order of the steps that a register could have gone through, each at a moment between its call and its
 * answer. Source: Wing and Gong, "Testing and verifying concurrent objects", 1993, with Lowe's memory of states
 * that led nowhere. A read that fits is taken at once: it changes nothing, so taking it later is never better.
 *
 * @returns null when there is such an order, else the place that no order could pass
 */
export function findNoOrder(steps: readonly Step[], initial: string | null = null): string | null {
  const required = steps.filter((step) => step.required);
  const optional = steps.filter((step) => !step.required);
  const failed = new Set<string>();
  let furthest = 0;

  const search = (
    start: number,
    doneBeyond: ReadonlySet<number>,
    used: ReadonlySet<number>,
    from: string | null,
  ) => {
    const stack = [{ base: start, beyond: doneBeyond, used, state: from }];
    while (stack.length > 0) {
      const frame = stack.pop();
      if (frame === undefined) break;
      let { base } = frame;
      const { state } = frame;
      const beyond = new Set(frame.beyond);
      const eligible = () => {
        let first = Number.POSITIVE_INFINITY;
        const open: number[] = [];
        for (let i = base; i < required.length; i += 1) {
          const step = required[i] as Step;
          if (beyond.has(i)) continue;
          if (step.from > first) break;
          open.push(i);
          first = Math.min(first, step.to);
        }
        return { open: open.filter((i) => (required[i] as Step).from <= first), first };
      };
      const take = (i: number) => {
        beyond.add(i);
        while (beyond.delete(base)) base += 1;
      };
      let now = eligible();
      for (;;) {
        const fitting = now.open.filter((i) => required[i]?.kind === 'read' && required[i]?.value === state);
        if (fitting.length === 0) break;
        for (const i of fitting) take(i);
        now = eligible();
      }
      furthest = Math.max(furthest, base);
      if (base >= required.length) return true;
      const key = `${base}|${[...beyond].sort((a, b) => a - b)}|${[...frame.used].sort((a, b) => a - b)}|${state}`;
      if (failed.has(key)) continue;
      failed.add(key);
      let triedDelete = false;
      for (const [i, step] of optional.entries()) {
        if (step.from > now.first) break;
        if (frame.used.has(i) || (step.kind === 'delete' && (triedDelete || state === null))) continue;
        const after = apply(step, state);
        if (after === undefined) continue;
        triedDelete ||= step.kind === 'delete';
        stack.push({ base, beyond, used: new Set([...frame.used, i]), state: after });
      }
      for (const i of now.open) {
        const step = required[i] as Step;
        if (step.kind === 'read') continue;
        const after = apply(step, state);
        if (after === undefined) continue;
        const then = new Set([...beyond, i]);
        let next = base;
        while (then.delete(next)) next += 1;
        stack.push({ base: next, beyond: then, used: frame.used, state: after });
      }
    }
    return false;
  };

  if (search(0, new Set(), new Set(), initial)) return null;
  const near = required.slice(Math.max(0, furthest - 4), furthest + 5);
  return `no order of a register passes here:\n${near.map((step) => `  ${JSON.stringify(step)}`).join('\n')}`;
}

/** Both checks over all keys. `lost`: Redis lost its data on the way, so that a miss proves nothing. */
export function check(calls: readonly Call[], lost: boolean): string[] {
  const byKey = new Map<string, Call[]>();
  for (const call of calls) byKey.set(call.input.key, [...(byKey.get(call.input.key) ?? []), call]);
  const violations: string[] = [];
  for (const [key, own] of byKey) {
    violations.push(...checkVersions(own).slice(0, 3));
    const stuck = lost ? null : findNoOrder(stepsOf(own));
    if (stuck !== null) violations.push(`key ${key}: ${stuck}`);
  }
  return violations;
}
