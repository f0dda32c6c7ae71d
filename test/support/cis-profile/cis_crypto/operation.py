"""
What `cis_profile` imports of Mozilla's `cis_crypto`, which PyPI does not have (its package of that
name is another one): signing with a key of a publishers file, verifying with published keys.
"""

import json
import os

from jose import jws
from jose.exceptions import JWSError


class Sign:
    def load(self, data):
        self.payload = json.loads(data) if isinstance(data, str) else data
        return self.payload

    def jws(self, publisher_name):
        with open(os.environ["CIS_PUBLISHERS_FILE"]) as file:
            publishers = json.load(file)["publishers"]
        [key, *_] = publishers[publisher_name]["jwks"]["keys"]
        return jws.sign(self.payload, key, algorithm="RS256")


class Verify:
    well_known = None

    def load(self, jws_signature):
        self.jws_signature = jws_signature

    def jws(self, publisher_name):
        for key in self.well_known["api"]["publishers_jwks"][publisher_name]["keys"]:
            try:
                return jws.verify(self.jws_signature, key, algorithms=["RS256"])
            except JWSError:
                continue
        raise JWSError("none of the publisher's keys verifies it")
