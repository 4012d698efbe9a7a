import { Problem, type Role, roleOfPath } from '@syncline/contracts';
import type { Request } from 'express';

/** A layer of the Express router. */
interface Layer {
  readonly route?: { readonly methods: Readonly<Record<string, boolean>> };
  match(path: string): boolean;
}

/** The route does not support the method; `allow` lists the methods that it supports. */
export class MethodNotAllowed extends Problem {
  constructor(
    method: string,
    path: string,
    readonly allow: readonly string[],
  ) {
    super('method-not-allowed', `${path} supports ${allow.join(', ')}, not ${method}. See /api/doc.`, {
      allow,
    });
  }
}

/** The problem of a request that no handler matched: a wrong method or an unknown path. */
export function unroutedProblem(request: Request, role: Role): Problem {
  const { method, path } = request;
  const allow = methodsAt(request.app as unknown as { router: { stack: Layer[] } }, path);
  return allow.length > 0
    ? new MethodNotAllowed(method, path, allow)
    : noSuchRoute(`${method} ${path}`, path, role);
}

/** The problem of a path that belongs to another role, or does not exist. */
export function noSuchRoute(what: string, path: string, role: Role): Problem {
  const other = roleOfPath(path);
  return new Problem(
    'not-found',
    other === undefined || other.role === role
      ? `There is no route ${what}. Paths must match exactly, including case and slashes: see /api/doc.`
      : `This is a ${role} node. Call one of the ${other.role} nodes for ${other.root}; their default ports are ${other.ports}.`,
  );
}

function methodsAt({ router }: { router: { stack: Layer[] } }, path: string): string[] {
  const routes = router.stack.filter((layer) => layer.route !== undefined && layer.match(path));
  const methods = new Set(routes.flatMap(({ route }) => Object.keys(route?.methods ?? {})));
  if (methods.has('get')) methods.add('head');
  return [...methods].map((method) => method.toUpperCase()).sort();
}
