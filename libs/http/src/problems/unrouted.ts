import { Problem, type Role, roleOfPath } from '@syncline/contracts';
import type { Request } from 'express';

/** What Express keeps of a route. */
interface Layer {
  readonly route?: { readonly methods: Readonly<Record<string, boolean>> };
  match(path: string): boolean;
}

/** The route has no such method; `allow` names those that it has. */
export class MethodNotAllowed extends Problem {
  constructor(
    method: string,
    path: string,
    readonly allow: readonly string[],
  ) {
    super('method-not-allowed', `${path} takes ${allow.join(', ')}, not ${method}. See /api/doc.`, {
      allow,
    });
  }
}

/** Why a request reached no handler, and what to do. */
export function unrouted(request: Request, role: Role): Problem {
  const { method, path } = request;
  const allow = methodsAt(request.app as unknown as { router: { stack: Layer[] } }, path);
  return allow.length > 0
    ? new MethodNotAllowed(method, path, allow)
    : noSuchRoute(`${method} ${path}`, path, role);
}

/** The path belongs to nodes of another role, or to nobody. */
export function noSuchRoute(what: string, path: string, role: Role): Problem {
  const other = roleOfPath(path);
  return new Problem(
    'not-found',
    other === undefined || other.role === role
      ? `There is no route ${what}. Paths count letter by letter: see /api/doc.`
      : `This is a ${role} node. ${other.root} is answered by ${other.role} nodes: call one of those, on the ports ${other.ports} where nothing else was set.`,
  );
}

function methodsAt({ router }: { router: { stack: Layer[] } }, path: string): string[] {
  const routes = router.stack.filter((layer) => layer.route !== undefined && layer.match(path));
  const methods = new Set(routes.flatMap(({ route }) => Object.keys(route?.methods ?? {})));
  if (methods.has('get')) methods.add('head');
  return [...methods].map((method) => method.toUpperCase()).sort();
}
