"""How bench_load is called, and what it says."""
import json

from pki import CLIENTS, HOST


def command(programs, port, pki, key="ec", **options):
    """With the option `mint` the clients are so many new ones, else those of the PKI."""
    words = [str(programs / "bench_load"), "--port", str(port), "--name", HOST, "--ca", f"{pki}/{key}-ca.pem"]
    if options.get("mint"):
        words += ["--issuer", f"{pki}/{key}-intermediate.pem,{pki}/{key}-intermediate.key"]
    else:
        for number in range(CLIENTS):
            words += ["--client", f"{pki}/{key}-client-{number}.pem,{pki}/{key}-client-{number}.key"]
    for option, value in options.items():
        words += [f"--{option.replace('_', '-')}", str(value)]
    return words


def parsed(output, errors):
    """What bench_load counted; a RuntimeError if it ended without a word."""
    try:
        return json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise RuntimeError(f"bench_load said nothing: {errors[-500:]}") from None
