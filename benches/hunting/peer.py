"""A peer as a process that answers line by line, as `bartizan kql run --io jsonl` does: {"id","query"} comes in, and
{"id","milliseconds","columns","rows"} goes out. The time ends when the last row is in memory; writing the line is not in it."""

import datetime
import json
import sys
import time


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def duckdb(data, threads):
    import duckdb as peer

    connection = peer.connect()
    connection.execute(f"SET threads={threads}")
    connection.execute("SET TimeZone='UTC'")
    tables = {name: f"read_parquet('{data}/{file}.parquet')" for name, file in (("P", "DeviceProcessEvents"), ("N", "DeviceNetworkEvents"))}
    return tables, lambda text: connection.sql(text).to_arrow_table()


def chdb(data, threads):
    import pyarrow
    from chdb import session

    peer = session.Session()
    peer.query(f"SET max_threads={threads}")
    peer.query("SET session_timezone='UTC'")
    tables = {name: f"file('{data}/{file}.parquet', 'Parquet')" for name, file in (("P", "DeviceProcessEvents"), ("N", "DeviceNetworkEvents"))}
    settings = f" SETTINGS max_threads={threads}, output_format_arrow_string_as_string=1, schema_inference_make_columns_nullable='auto'"

    def run(text):
        answer = peer.query(text + settings, "ArrowStream").bytes()
        return pyarrow.ipc.open_stream(answer).read_all()

    return tables, run


def main():
    engine, data, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    tables, run = {"duckdb": duckdb, "chdb": chdb}[engine](data, threads)
    for line in sys.stdin:
        request = json.loads(line)
        text = request["query"]
        for name, table in tables.items():
            text = text.replace("{%s}" % name, table)
        try:
            start = time.perf_counter()
            table = run(text)
            took = (time.perf_counter() - start) * 1e3
            answer = {"milliseconds": took, "columns": table.column_names}
            answer["rows"] = [[plain(value) for value in row.values()] for row in table.to_pylist()] if request.get("rows") else len(table)
        except Exception as error:  # What a peer cannot do is a finding, too.
            answer = {"error": {"message": str(error)[:400]}}
        print(json.dumps({"id": request["id"], **answer}), flush=True)


if __name__ == "__main__":
    main()
