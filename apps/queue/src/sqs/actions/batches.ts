import { fromProblem } from '../sqs-error.js';
import type { Entry } from '../wire/fields.js';
import type { Members } from '../wire/wire.js';

/** The answer of a batch: what became of each entry. An outcome that is an error is told for its entry alone. */
export function answerBatch(entries: readonly Entry[], outcomes: readonly (Members | Error)[]): Members {
  const successful: Members[] = [];
  const failed: Members[] = [];
  for (const [i, { id }] of entries.entries()) {
    const outcome = outcomes[i];
    if (!(outcome instanceof Error)) {
      successful.push({ Id: id, ...outcome });
      continue;
    }
    const error = fromProblem(outcome);
    if (error === undefined) throw outcome;
    failed.push({ Id: id, SenderFault: error.isSender, Code: error.kind.code, Message: error.message });
  }
  return {
    ...(successful.length > 0 && { Successful: successful }),
    ...(failed.length > 0 && { Failed: failed }),
  };
}
