// What one issuer remembers: oidc-provider's adapter on a Map, which outlives a change of keys.

export function storage() {
  const kept = new Map();
  const grants = new Map();

  return class Storage {
    constructor(model) {
      this.model = model;
    }

    key(id) {
      return `${this.model}:${id}`;
    }

    async upsert(id, payload, expiresIn) {
      const until = typeof expiresIn === 'number' ? Date.now() + expiresIn * 1000 : Infinity;
      kept.set(this.key(id), { payload, until });
      if (payload.uid) kept.set(this.key(`uid ${payload.uid}`), { payload: id, until });
      if (payload.grantId) {
        if (!grants.has(payload.grantId)) grants.set(payload.grantId, new Set());
        grants.get(payload.grantId).add(this.key(id));
      }
    }

    async find(id) {
      const found = kept.get(this.key(id));
      return found && found.until > Date.now() ? found.payload : undefined;
    }

    async findByUid(uid) {
      return this.find(await this.find(`uid ${uid}`));
    }

    async findByUserCode() {
      return undefined;
    }

    async consume(id) {
      kept.get(this.key(id)).payload.consumed = Math.floor(Date.now() / 1000);
    }

    async destroy(id) {
      kept.delete(this.key(id));
    }

    // A code that comes twice takes what was given for it along.
    async revokeByGrantId(grantId) {
      for (const key of grants.get(grantId) ?? []) kept.delete(key);
      grants.delete(grantId);
    }
  };
}
