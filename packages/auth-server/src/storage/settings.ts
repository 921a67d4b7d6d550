/** Facts about the whole store. */
export interface SettingStore {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
  /** Keeps the greater of the number that is stored and this one, and returns it. */
  raise(key: string, value: number): Promise<number>;
  /**
   * The first start writes the issuer down. A later start under another name throws a `StorageConfigurationError`:
   * everything stored was issued in the first name.
   */
  bindIssuer(issuer: string, now: number): Promise<void>;
  /** Records that the policy is another one since now; nothing when it is called as it was. */
  notePolicy(version: string, now: number): Promise<void>;
}
