import { Injectable, type OnModuleInit, RequestMethod } from '@nestjs/common';
import {
  CUSTOM_ROUTE_ARGS_METADATA,
  HTTP_CODE_METADATA,
  METHOD_METADATA,
  PATH_METADATA,
  ROUTE_ARGS_METADATA,
  RouteParamtypes,
  VERSION_METADATA,
} from '@nestjs/common/internal';
import { DiscoveryService, ExternalContextCreator, MetadataScanner, Reflector } from '@nestjs/core';
import type { Call } from './call.js';

/** A handler that calls reach: the one of its route over HTTP, with the same guards and pipes. */
export interface CallRoute {
  /** As in `/v1/locks/:name/acquire`. */
  readonly template: string;
  /** Status of a success. */
  readonly status: number;
  readonly handle: (call: Call) => Promise<unknown>;
}

/** A place in the tree of paths, by their segments. */
interface Place {
  readonly children: Map<string, Place>;
  /** What any other segment leads to, and the parameter that it stands for. */
  any: { readonly parameter: string; readonly place: Place } | undefined;
  route: CallRoute | undefined;
}
const newPlace = (): Place => ({ children: new Map(), any: undefined, route: undefined });

/** Handlers that want more of a request than this are for HTTP alone. */
const TAKEN_FROM_CALLS: readonly string[] = [RouteParamtypes.BODY, RouteParamtypes.PARAM].map(String);

/** The routes that calls reach: every POST of the API whose handler takes its path, its JSON body and the hang-up alone. */
@Injectable()
export class CallRoutes implements OnModuleInit {
  private readonly root = newPlace();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly contexts: ExternalContextCreator,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  onModuleInit(): void {
    for (const { instance, metatype } of this.discovery.getControllers()) {
      if (!metatype) continue;
      const version = this.reflector.get<string | symbol | undefined>(VERSION_METADATA, metatype);
      if (typeof version !== 'string') continue;
      const base = this.reflector.get<string>(PATH_METADATA, metatype);
      for (const name of this.scanner.getAllMethodNames(instance)) {
        const handler = instance[name];
        if (this.reflector.get(METHOD_METADATA, handler) !== RequestMethod.POST) continue;
        if (!takesCallsOnly(metatype, name)) continue;
        const path = this.reflector.get<string>(PATH_METADATA, handler);
        this.add({
          template: [`/v${version}`, base, path].filter((part) => part !== '/').join('/'),
          status: this.reflector.get<number | undefined>(HTTP_CODE_METADATA, handler) ?? 201,
          handle: this.contexts.create(
            instance,
            handler,
            name,
            ROUTE_ARGS_METADATA,
            {
              exchangeKeyForValue: (type: number, data, [call]: [Call]) =>
                type === RouteParamtypes.BODY ? call.body : call.params[String(data)],
            },
            undefined,
            undefined,
            { guards: true, interceptors: false, filters: false },
          ),
        });
      }
    }
  }

  /** The route of a call, with the call's parameters filled in. */
  find(call: Call): CallRoute | undefined {
    let at = this.root;
    for (const segment of call.path.split('/')) {
      const child = at.children.get(segment);
      if (child !== undefined) at = child;
      else if (at.any !== undefined) {
        call.params[at.any.parameter] = decode(segment);
        at = at.any.place;
      } else return undefined;
    }
    return at.route;
  }

  private add(route: CallRoute): void {
    let at = this.root;
    for (const segment of route.template.split('/')) {
      if (segment.startsWith(':')) {
        at.any ??= { parameter: segment.slice(1), place: newPlace() };
        at = at.any.place;
      } else {
        const child = at.children.get(segment) ?? newPlace();
        at.children.set(segment, child);
        at = child;
      }
    }
    at.route = route;
  }
}

function takesCallsOnly(controller: object, method: string): boolean {
  const taken: object = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) ?? {};
  return Object.keys(taken).every((key) => {
    const [type = ''] = key.split(':');
    return type.endsWith(CUSTOM_ROUTE_ARGS_METADATA) || TAKEN_FROM_CALLS.includes(type);
  });
}

/** What is no percent-encoding stays as it is: the handler's own schema refuses it. */
function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
