"""Writes the software bill of materials of the programs as CycloneDX 1.6: the shared libraries that they need, directly or not, with the
Debian packages that these come from, and what is compiled into them.

    sbom.py --version 0.1.0 --commit abc --output gatewayd.cdx.json PROGRAM...

The same programs and the same installed packages give the same bytes; the time is $SOURCE_DATE_EPOCH, or left out.
"""
import argparse
import datetime
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.parse import quote

# Debian's short names of licences that have another one in SPDX's list; a name that is in neither stays as it is.
SPDX = {"expat": "MIT", "mit": "MIT", "apache-2.0": "Apache-2.0", "bsd-3-clause": "BSD-3-Clause", "bsd-2-clause": "BSD-2-Clause",
        "isc": "ISC", "zlib": "Zlib", "curl": "curl", "cc0-1.0": "CC0-1.0"}
# Compiled in: a file of the package that it comes from, and the files of it that count.
COMPILED_IN = {"CLI11": ("/usr/include/CLI/CLI.hpp", ()),
               "nlohmann-json": ("/usr/include/nlohmann/json.hpp", ()),
               "llhttp": ("/usr/share/llhttp/llhttp.c", ("/usr/share/llhttp/llhttp.c", "/usr/share/llhttp/http.c", "/usr/share/llhttp/api.c"))}


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


# --- which files ------------------------------------------------------------------------------------------------------------------

def architecture(path):
    """Class and machine of an ELF file: a library for another one does not count."""
    with open(path, "rb") as file:
        head = file.read(20)
    return head[4], head[18:20]


@functools.cache
def libraries():
    """Files that the loader finds, by soname."""
    found = {}
    for soname, path in re.findall(r"(?m)^\s+(\S+) \(.*\) => (\S+)$", output_of("/sbin/ldconfig", "-p")):
        found.setdefault(soname, []).append(path)
    return found


@functools.cache
def needed(path):
    """The files that this one names as its dependencies."""
    files = []
    for soname in re.findall(r"(?m)^\s+NEEDED\s+(\S+)$", output_of("objdump", "-p", path)):
        fits = [file for file in libraries().get(soname, []) if architecture(file) == architecture(path)]
        if not fits:
            sys.exit(f"sbom: {path} needs {soname}, which is not installed")
        files.append(fits[0])
    return files


def closure(programs):
    seen, waiting = set(), list(programs)
    while waiting:
        for file in needed(waiting.pop()):
            if file not in seen:
                seen.add(file)
                waiting.append(file)
    return sorted(seen)


# --- which packages ---------------------------------------------------------------------------------------------------------------

@functools.cache
def package_of(path):
    """Debian has moved /lib into /usr/lib, but its packages name either."""
    real = os.path.realpath(path)
    names = [path, real, "/usr" + path, "/usr" + real, re.sub("^/usr", "", path), re.sub("^/usr", "", real)]
    # It fails if one of the names is unknown, and tells of the others all the same.
    found = subprocess.run(["dpkg-query", "-S", *dict.fromkeys(names)], capture_output=True, text=True).stdout
    return re.match(r"[^,:\s]+", found)[0] if found else None


@functools.cache
def distribution():
    fields = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return fields["ID"].strip('"'), fields.get("VERSION_ID", "").strip('"')


def licences(name):
    """What debian/copyright says of most of the files, where it can be read by a program."""
    path = Path(f"/usr/share/doc/{name}/copyright")
    text = path.read_text(errors="replace") if path.exists() else ""
    if "copyright-format/1.0" not in text:
        return []
    for paragraph in re.split(r"\n\s*\n", text):
        if re.search(r"(?m)^Files:\s*\*\s*$", paragraph) and (found := re.search(r"(?m)^License:\s*(\S.*)$", paragraph)):
            word = found[1].strip()
            known = SPDX.get(word.lower())
            return [{"license": {"id": known} if known else {"name": word}}]
    return []


def package_component(name, files):
    wanted = "${Package}\t${Version}\t${Architecture}\t${source:Package}\t${Maintainer}"
    plain, version, arch, source, maintainer = output_of("dpkg-query", "-W", "-f", wanted, name).split("\t")
    distro, release = distribution()
    purl = f"pkg:deb/{distro}/{plain}@{quote(version, safe='~.-_')}?arch={arch}&distro={distro}-{release}"
    component = {"type": "library", "bom-ref": purl, "name": plain, "version": version, "purl": purl,
                 "supplier": {"name": maintainer}, "licenses": licences(plain),
                 "properties": [{"name": "debian:source", "value": source}],
                 "components": [{"type": "file", "bom-ref": f"file:{file}", "name": file,
                                 "hashes": [{"alg": "SHA-256", "content": sha256(file)}]} for file in sorted(files)]}
    return {key: value for key, value in component.items() if value}


def components(programs):
    """The packages, and of each file its package."""
    shared = closure(programs)
    owner, files = {}, {}
    for path in shared:
        name = package_of(path)
        if name is None:
            sys.exit(f"sbom: no package has {path}")
        owner[path] = name
        files.setdefault(name, []).append(path)
    inside = {}
    for part, (witness, sources) in COMPILED_IN.items():
        # llhttp is a shared library where the release has one.
        if any(f"lib{part}.so" in path for path in shared) or not os.path.exists(witness):
            continue
        name = package_of(witness)
        if name is None:
            sys.exit(f"sbom: no package has {witness}")
        inside[part] = name
        files.setdefault(name, []).extend(sources)
    made = {name: package_component(name, paths) for name, paths in files.items()}
    for part, name in inside.items():
        made[name].setdefault("properties", []).append({"name": "gateway:compiled-in", "value": part})
    return made, owner, inside


def dependencies(root, programs, made, owner, inside):
    direct = {owner[file] for program in programs for file in needed(program)} | set(inside.values())
    graph = {root: sorted(made[name]["bom-ref"] for name in direct)}
    for path, name in owner.items():
        below = {made[owner[file]]["bom-ref"] for file in needed(path)} - {made[name]["bom-ref"]}
        ref = made[name]["bom-ref"]
        graph[ref] = sorted({*graph.get(ref, []), *below})
    return [{"ref": ref, "dependsOn": below} for ref, below in sorted(graph.items())]


def document(arguments):
    made, owner, inside = components(arguments.programs)
    root = f"pkg:generic/gatewayd@{arguments.version}"
    metadata = {"tools": {"components": [{"type": "application", "name": "scripts/sbom.py"}]},
                "component": {"type": "application", "bom-ref": root, "name": "gatewayd", "version": arguments.version, "purl": root,
                              "licenses": [{"license": {"id": "Apache-2.0"}}],
                              "properties": [{"name": "gateway:commit", "value": arguments.commit}]}}
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        time = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc)
        metadata = {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ"), **metadata}
    body = {"metadata": metadata, "components": sorted(made.values(), key=lambda each: each["bom-ref"]),
            "dependencies": dependencies(root, arguments.programs, made, owner, inside)}
    # The serial number names this content.
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(body, sort_keys=True))
    return {"$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{serial}", "version": 1, **body}


def main():
    parser = argparse.ArgumentParser(description="Writes the programs' bill of materials as CycloneDX 1.6")
    parser.add_argument("--version", required=True)
    parser.add_argument("--commit", default="unknown")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("programs", nargs="+", metavar="PROGRAM")
    arguments = parser.parse_args()
    arguments.output.write_text(json.dumps(document(arguments), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
