import type { ApiServer } from '../places/api-context.js';

/**
 * Notes what routes a server gets from now on.
 * @returns the methods that some route takes for a path, in alphabetical order; none if there is no such path
 */
export function noteMethods(server: ApiServer): (path: string) => string[] {
  const known = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();
  server.addHook('onRoute', ({ url, method }) => {
    const route = known.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
    known.set(url, route);
    for (const each of [method].flat()) route.methods.add(each);
  });
  return (path) => {
    const fitting = [...known.values()].filter(({ pattern }) => pattern.test(path));
    return [...new Set(fitting.flatMap(({ methods }) => [...methods]))].sort();
  };
}

/** `:name` stands for anything within a segment, `*` for any rest, as in the router. */
function patternOf(url: string): RegExp {
  const escaped = url.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/:\w+/g, '[^/]+').replaceAll('*', '.+')}$`);
}
