from __future__ import annotations

import json

from sallyport.audit.read import tail
from sallyport.audit.verify import verify_directory
from sallyport.settings import loads
from sallyport.wiring import offline


async def test_an_act_at_the_machine_is_in_the_log_before_it_happens_and_names_nobody(tmp_path):
    settings = loads(f'[server]\nstate = "{tmp_path / "state"}"\n[audit]\nreserve_bytes = 0')
    (tmp_path / "state").mkdir(mode=0o700)
    for name in ("ada", "bob"):
        await offline.note(settings, "people.create", name, {"roles": ["security-admin"]})
        async with offline.open_directory(settings) as directory:
            await directory.create_person(name, ["security-admin"], by=offline.INSTALLER)
    rows = [row for row in tail(settings.audit_directory, 20) if row["kind"] == "admin"]
    assert [row["action"] for row in rows] == ["people.create"] * 2
    assert rows[0]["target"] != rows[1]["target"]
    assert "ada" not in json.dumps(rows)
    assert verify_directory(settings.audit_directory).ok
