import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import { PROBLEMS, Problem, type ProblemCode } from '@syncline/contracts';

/** The schema of all problems in the OpenAPI document. */
const PROBLEM_REF = '#/components/schemas/Problem';

/** One response for all problems with a status, with an example of each code. */
export function problemResponse(status: number, codes: readonly ProblemCode[], path: string) {
  const examples = Object.fromEntries(
    codes.map((code) => {
      const { title } = PROBLEMS[code];
      return [code, { summary: title, value: new Problem(code, `${title}.`).toBody(path) }];
    }),
  );
  return {
    status,
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('; '),
    content: { 'application/problem+json': { schema: { $ref: PROBLEM_REF }, examples } },
  };
}

/**
 * Documents the problems of an operation, in addition to those of every operation (see `api-document.ts`).
 */
export function ApiProblems(...codes: ProblemCode[]): MethodDecorator {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return applyDecorators(
    ...[...byStatus].map(([status, same]) => ApiResponse(problemResponse(status, same, '/v1/...'))),
  );
}
