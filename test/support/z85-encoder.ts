const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

/** Z85 text (ZeroMQ RFC 32) of bytes, filled up with zeros to a multiple of four. */
export function encodeZ85(bytes: Buffer): string {
  const padded = Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  let text = '';
  for (let i = 0; i < padded.length; i += 4) {
    const word = padded.readUInt32BE(i);
    for (let power = 4; power >= 0; power--) text += ALPHABET[Math.floor(word / 85 ** power) % 85];
  }
  return text;
}
