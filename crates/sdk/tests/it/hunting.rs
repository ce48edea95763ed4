//! Whether an answer of hunting has all rows.

use bartizan_sdk::hunting::{CUT_OFF, MOST_ROWS, Wire};
use serde_json::json;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{client, issue};

#[tokio::test]
async fn a_server_of_ones_own_says_itself_that_rows_were_left_out() {
    let server = MockServer::start().await;
    issue(&server, "t", 1).await;
    let client = client(&server);
    // Its limit may be any: more rows than a cloud gives are no sign.
    for (rows, told) in [(MOST_ROWS + 1, false), (2, true), (2, false)] {
        let rows = vec![json!({ "a": 1 }); rows];
        let body = json!({ "Schema": [{ "Name": "a", "Type": "Int64" }], "Results": rows });
        let mut answer = ResponseTemplate::new(200).set_body_json(body);
        if told {
            answer = answer.insert_header(CUT_OFF, "true");
        }
        Mock::given(path("/api/advancedhunting/run"))
            .respond_with(answer)
            .up_to_n_times(1)
            .mount(&server)
            .await;
        let found = client.hunting().run(Wire::Xdr, "T", None).await;
        let found = found.expect("an answer");
        assert_eq!(found.results.len(), rows.len());
        assert_eq!(found.cut_off, told, "{} rows", rows.len());
    }
}
