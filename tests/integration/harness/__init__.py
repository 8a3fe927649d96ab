"""What the integration tests share: a PKI, the real gatewayd in a folder of its own, origins that misbehave on command, clients."""
