/** Facts about the whole store. */
export interface SettingStore {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
  /**
   * The first start writes the issuer down. A later start under another name throws a `StorageConfigurationError`:
   * everything stored was issued in the first name.
   */
  bindIssuer(issuer: string, now: number): Promise<void>;
}
