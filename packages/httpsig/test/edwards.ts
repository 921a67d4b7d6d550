/** Just enough of edwards25519 to find its points of small order from the curve equation, not from a list. */
export const P = 2n ** 255n - 19n;
/** The order of the base point. */
export const L = 2n ** 252n + 27742317777372353535851937790883648493n;

const mod = (value: bigint): bigint => ((value % P) + P) % P;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = mod(base), rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}

const inverse = (value: bigint): bigint => power(value, P - 2n);
const D = mod(-121665n * inverse(121666n));
const ROOT_OF_MINUS_ONE = power(2n, (P - 1n) / 4n);

/** Projective coordinates: x = X/Z, y = Y/Z. */
type Point = readonly [X: bigint, Y: bigint, Z: bigint];

const NEUTRAL: Point = [0n, 1n, 1n];

/** RFC 8032 section 5.1.4, complete for every pair of points. */
function add([x1, y1, z1]: Point, [x2, y2, z2]: Point): Point {
  const a = mod(z1 * z2);
  const b = mod(a * a);
  const c = mod(x1 * x2);
  const d = mod(y1 * y2);
  const e = mod(D * c * d);
  const f = mod(b - e);
  const g = mod(b + e);
  return [mod(a * f * ((x1 + y1) * (x2 + y2) - c - d)), mod(a * g * (d + c)), mod(f * g)];
}

function multiply(scalar: bigint, point: Point): Point {
  let result = NEUTRAL;
  for (let double = point, rest = scalar; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = add(result, double);
    double = add(double, double);
  }
  return result;
}

/** A point with that y, or `undefined` when there is none (RFC 8032 section 5.1.3). */
function pointAt(y: bigint): Point | undefined {
  const square = mod((y * y - 1n) * inverse(D * y * y + 1n));
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x) !== square) x = mod(x * ROOT_OF_MINUS_ONE);
  return mod(x * x) === square ? [x, y, 1n] : undefined;
}

/** 32 bytes, least significant first. */
export function littleEndian(value: bigint): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 32 }, (_, at) => Number((value >> BigInt(8 * at)) & 255n));
}

function encode([X, Y, Z]: Point): Uint8Array<ArrayBuffer> {
  const z = inverse(Z);
  const bytes = littleEndian(mod(Y * z));
  if ((mod(X * z) & 1n) === 1n) bytes[31] = (bytes[31] ?? 0) | 0x80;
  return bytes;
}

/**
 * The encodings of the points of order 1, 2, 4 and 8. The order of any point divides 8·L, so L times any point is one
 * of them; a point whose L-fold has order 8 gives them all as multiples.
 */
export function smallOrderEncodings(): Uint8Array<ArrayBuffer>[] {
  for (let y = 2n; ; y++) {
    const point = pointAt(y);
    if (point === undefined) continue;
    const torsion = multiply(L, point);
    const all = Array.from({ length: 8 }, (_, at) => encode(multiply(BigInt(at), torsion)));
    if (new Set(all.map(String)).size === 8) return all;
  }
}
