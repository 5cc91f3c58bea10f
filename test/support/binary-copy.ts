/** Reads COPY's binary format as its documentation describes it, independently of what writes it. */

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

/** The values of each tuple, as they are. Throws where a byte is missing or left over. */
export function tuplesOf(copy: Buffer): (Buffer | null)[][] {
  if (!copy.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw new Error('no signature');
  let at = SIGNATURE.length + 4;
  at += 4 + copy.readInt32BE(at);
  const tuples: (Buffer | null)[][] = [];
  for (;;) {
    const count = copy.readInt16BE(at);
    at += 2;
    if (count === -1) break;
    const values: (Buffer | null)[] = [];
    for (let column = 0; column < count; column++) {
      const length = copy.readInt32BE(at);
      at += 4;
      if (length < -1 || at + length > copy.length) throw new Error(`a value of ${length} bytes at ${at}`);
      values.push(length === -1 ? null : copy.subarray(at, at + length));
      at += Math.max(length, 0);
    }
    tuples.push(values);
  }
  if (at !== copy.length) throw new Error(`${copy.length - at} bytes after the end`);
  return tuples;
}

/** The text of a numeric, with all of its decimals. */
export function numericText(value: Buffer): string {
  const [count, weight, sign, scale] = [0, 2, 4, 6].map((at) => value.readUInt16BE(at)) as [
    number,
    number,
    number,
    number,
  ];
  if (value.length !== 8 + 2 * count) throw new Error('digits are missing');
  const digits = Array.from({ length: count }, (_, n) => BigInt(value.readUInt16BE(8 + 2 * n)));
  if (digits.some((digit) => digit > 9999n)) throw new Error('a digit is too large');
  const decimals = 4 * (count - 1 - ((weight << 16) >> 16));
  const unscaled = digits.reduce((sum, digit) => sum * 10_000n + digit, 0n);
  // Whole digits of base 10,000 may hold more decimals than there are, all zero.
  const shift = decimals - scale;
  const exact = shift >= 0 ? unscaled / 10n ** BigInt(shift) : unscaled * 10n ** BigInt(-shift);
  const text = String(exact).padStart(scale + 1, '0');
  const point = text.length - scale;
  const body = scale === 0 ? text : `${text.slice(0, point)}.${text.slice(point)}`;
  return sign === 0x4000 ? `-${body}` : body;
}
