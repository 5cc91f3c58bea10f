const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const BASE = 85;
const CHARACTERS_PER_WORD = 5;
const BYTES_PER_WORD = 4;

/**
 * Bytes of a Z85 text (ZeroMQ RFC 32): five characters make four bytes, big endian.
 * @returns null if the text is not Z85
 */
export function decodeZ85(text: string): Buffer | null {
  if (text.length % CHARACTERS_PER_WORD !== 0) return null;
  const bytes = Buffer.alloc((text.length / CHARACTERS_PER_WORD) * BYTES_PER_WORD);
  for (let word = 0; word * CHARACTERS_PER_WORD < text.length; word++) {
    let value = 0;
    for (let i = 0; i < CHARACTERS_PER_WORD; i++) {
      const digit = ALPHABET.indexOf(text.charAt(word * CHARACTERS_PER_WORD + i));
      if (digit < 0) return null;
      value = value * BASE + digit;
    }
    if (value > 0xffffffff) return null;
    bytes.writeUInt32BE(value, word * BYTES_PER_WORD);
  }
  return bytes;
}
