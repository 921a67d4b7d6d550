declare module 'sodium-native' {
  export const crypto_sign_BYTES: number;
  export function crypto_sign_verify_detached(
    signature: Buffer,
    message: Buffer,
    publicKey: Buffer,
  ): boolean;
}
