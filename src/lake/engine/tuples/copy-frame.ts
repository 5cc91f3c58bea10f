/** What is before and after the tuples of COPY's binary format: signature, flags, and length of what may follow them; then the end. */
export const COPY_HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
export const COPY_TRAILER = Buffer.from([0xff, 0xff]);
