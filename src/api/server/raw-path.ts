/**
 * Repairs a path that a client built without encoding: role names are e-mail addresses and may contain a lone `%`. The
 * query is left unchanged.
 */
export function repairPath(url: string): string {
  const end = url.indexOf('?');
  const path = end === -1 ? url : url.slice(0, end);
  const repaired = path.replace(/%(?![0-9A-Fa-f]{2})/g, '%25');
  const readable = isDecodable(repaired) ? repaired : repaired.replaceAll('%', '%25');
  return end === -1 ? readable : `${readable}${url.slice(end)}`;
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
