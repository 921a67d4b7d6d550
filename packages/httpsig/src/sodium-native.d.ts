declare module 'sodium-native' {
  const sodium: {
    readonly crypto_sign_BYTES: number;
    crypto_sign_verify_detached(signature: Buffer, message: Buffer, publicKey: Buffer): boolean;
  };
  export default sodium;
}
