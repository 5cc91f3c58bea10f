const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const BASE = 85;
const CHARACTERS_PER_WORD = 5;
const BYTES_PER_WORD = 4;

/**
 * Bytes of a Z85 text (ZeroMQ RFC 32): five characters make four bytes, big endian. Some writers pad a last group that
 * is n bytes short with n leading `#`; a full group cannot begin like that, because its value would exceed 32 bits.
 * @returns null if the text is not Z85
 */
export function decodeZ85(text: string): Buffer | null {
  if (text.length % CHARACTERS_PER_WORD !== 0) return null;
  const padding = /^#{0,3}/.exec(text.slice(-CHARACTERS_PER_WORD))?.[0].length ?? 0;
  const wordCount = text.length / CHARACTERS_PER_WORD;
  const bytes = Buffer.alloc(wordCount * BYTES_PER_WORD);
  for (let word = 0; word < wordCount; word++) {
    const isPadded = padding > 0 && word === wordCount - 1;
    let value = 0;
    for (let i = isPadded ? padding : 0; i < CHARACTERS_PER_WORD; i++) {
      const digit = ALPHABET.indexOf(text.charAt(word * CHARACTERS_PER_WORD + i));
      if (digit < 0) return null;
      value = value * BASE + digit;
    }
    if (!isPadded) {
      if (value > 0xffffffff) return null;
      bytes.writeUInt32BE(value, word * BYTES_PER_WORD);
      continue;
    }
    const length = BYTES_PER_WORD - padding;
    if (value >= 2 ** (8 * length)) return null;
    bytes.writeUIntBE(value, word * BYTES_PER_WORD, length);
  }
  return bytes.subarray(0, bytes.length - padding);
}
