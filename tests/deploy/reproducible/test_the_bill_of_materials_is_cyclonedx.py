"""The bill of materials against CycloneDX's own JSON schema, as its library for JavaScript ships it."""
import json
import subprocess

import pytest
from debian_root import CACHE
from jsonschema import Draft7Validator, RefResolver

from harness.gateway import ROOT

LIBRARY = "@cyclonedx/cyclonedx-library@10.3.0"


@pytest.fixture(scope="module")
def schemas():
    """File name to schema."""
    folder = CACHE / "cyclonedx-10.3.0"
    if not (folder / "package/res/schema").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", LIBRARY], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["tar", "-xzf", *[path.name for path in folder.glob("*.tgz")], "package/res/schema"], cwd=folder, check=True)
    return {path.name: json.loads(path.read_text()) for path in (folder / "package/res/schema").glob("*.json")}


def errors_of(bom, schemas):
    schema = schemas["bom-1.6.SNAPSHOT.schema.json"]
    # They name each other as files beside them.
    resolver = RefResolver(schema["$id"], schema, store={f"http://cyclonedx.org/schema/{name}": each for name, each in schemas.items()})
    return [f"{list(error.absolute_path)}: {error.message}" for error in Draft7Validator(schema, resolver=resolver).iter_errors(bom)]


def test_the_bill_of_materials_is_valid(schemas):
    done = subprocess.run([ROOT / "dev", "sbom"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with open(done.stdout.splitlines()[-1], encoding="utf-8") as file:
        bom = json.load(file)
    assert errors_of(bom, schemas) == []
    bom["components"][0]["hashes"] = [{"alg": "SHA-256", "content": "no digest"}]
    bom["serialNumber"] = "7"
    assert len(errors_of(bom, schemas)) == 2, "the schema is looked at"
