BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE decisions (
	decision_id VARCHAR(64) NOT NULL, 
	decided_at DOUBLE NOT NULL, 
	arm TEXT NOT NULL, 
	model TEXT NOT NULL, 
	effort TEXT NOT NULL, 
	bucket TEXT NOT NULL, 
	policy TEXT NOT NULL, 
	bundle_id TEXT NOT NULL, 
	propensity DOUBLE NOT NULL, 
	support DOUBLE NOT NULL, 
	expected_success DOUBLE NOT NULL, 
	expected_cost_usd DOUBLE NOT NULL, 
	expected_output_tokens DOUBLE NOT NULL, 
	expected_latency_p95_ms DOUBLE NOT NULL, 
	elapsed_us BIGINT NOT NULL, 
	prompt_id VARCHAR(64) NOT NULL, 
	messages TEXT, 
	fallback TEXT, 
	tenant TEXT, 
	session_id TEXT, 
	task TEXT, 
	reason TEXT, 
	replay TEXT, 
	shadow_bundle_id TEXT, 
	shadow_arm TEXT, 
	PRIMARY KEY (decision_id)
);
INSERT INTO "decisions" VALUES('01M8ER58AD4M8NK3BMT76Y2B6C',1.79579142996509051317e+09,'direct','tiny','none','maybe','default@21927687+genai-prices-0.2.3:54ca73b7','3442449d8e18bd8470f02e96d930f46ba97a07c74796903d8117bc5841932a0f',1.0,3.43516737222671508789e-01,4.97103333473205566406e-01,8.86442115783691317668e-04,8.55310897827148437517e+01,6000.0,541,'f89ac3f081e2c3b0c9f612c90ce8c38c','[{"role":"user","content":"what is the sum of 17 + 17 ?"}]',NULL,'acme','s0','maths','uplift 0.01 [-0.38, 0.31] x 0.05 USD may pay 0.0025 USD','{"decision_id":"01M8ER58AD4M8NK3BMT76Y2B6C","bundle_id":"3442449d8e18bd8470f02e96d930f46ba97a07c74796903d8117bc5841932a0f","now":1795791429.9650905,"context":{"model":null,"tenant":"acme","session_id":"s0","task":"maths","deadline_ms":null,"value_of_success_usd":0.05,"max_cost_usd":null,"client_effort":null,"tool_loop":false,"follow_up":false},"situation":{"input_tokens":11,"cost_multiplier":0.0,"session":null,"health":{},"task_shifts":{},"headers":{},"uniform":0.14392249168723614,"explore":true},"prediction":{"success":[0.49710333347320557,0.4365137219429016],"uplift":[0.009225732646882534],"uplift_lower":[-0.38131630420684814],"uplift_upper":[0.3069344758987427],"output_tokens_mean":[85.53108978271484,333.682373046875],"output_tokens_p95":[213.82772827148438,1167.8883056640625],"latency_mean_ms":[2000.0,4000.0],"latency_p95_ms":[6000.0,12000.0],"support":0.3435167372226715,"task_probabilities":[0.9414535164833069,0.05837190896272659,0.0001746017369441688]},"prior_weight":0.0,"cold_start":false,"policy":"default@21927687+genai-prices-0.2.3:54ca73b7"}',NULL,NULL);
INSERT INTO "decisions" VALUES('01M8ER58AZAMX1YFHM41G5VJCN',1795791429.98342,'direct','tiny','none','maybe','default@21927687+genai-prices-0.2.3:54ca73b7','3442449d8e18bd8470f02e96d930f46ba97a07c74796903d8117bc5841932a0f',1.0,7.95095086097717285156e-01,4.4258651137351989746e-01,8.89348063659667906546e-04,8.58159866333007812465e+01,6000.0,494,'5ebf67a51be8c331669b599160f3f05c','[{"role":"user","content":"prove why a list is three steps"}]',NULL,'acme','s1','maths','uplift 0.02 [-0.19, 0.21] x 0.10 USD may pay 0.0036 USD','{"decision_id":"01M8ER58AZAMX1YFHM41G5VJCN","bundle_id":"3442449d8e18bd8470f02e96d930f46ba97a07c74796903d8117bc5841932a0f","now":1795791429.98342,"context":{"model":null,"tenant":"acme","session_id":"s1","task":"maths","deadline_ms":null,"value_of_success_usd":0.1,"max_cost_usd":null,"client_effort":null,"tool_loop":false,"follow_up":false},"situation":{"input_tokens":11,"cost_multiplier":0.0,"session":null,"health":{},"task_shifts":{},"headers":{},"uniform":0.3964554126561427,"explore":true},"prediction":{"success":[0.4425865113735199,0.4167633354663849],"uplift":[0.01683223433792591],"uplift_lower":[-0.18881316483020782],"uplift_upper":[0.21293583512306213],"output_tokens_mean":[85.81598663330078,442.9638977050781],"output_tokens_p95":[214.5399627685547,1550.3736572265625],"latency_mean_ms":[2000.0,4000.0],"latency_p95_ms":[6000.0,12000.0],"support":0.7950950860977173,"task_probabilities":[0.8655058741569519,0.015593738295137882,0.11890038102865219]},"prior_weight":0.0,"cold_start":false,"policy":"default@21927687+genai-prices-0.2.3:54ca73b7"}',NULL,NULL);
INSERT INTO "decisions" VALUES('01M8ER58B2FAY1GSBHDEX5JHB6',1.79579142998697471617e+09,'direct','tiny','none','maybe','default@21927687+genai-prices-0.2.3:54ca73b7','3442449d8e18bd8470f02e96d930f46ba97a07c74796903d8117bc5841932a0f',1.0,8.39124619960784912109e-01,4.37925577163696289062e-01,0.00101365986328125,98.25341796875,6000.0,332,'5ab352e50d2e44964097419bccfa554a','[{"role":"user","content":"plan the code of a list"}]',NULL,'acme','s0','maths','uplift 0.02 [-0.17, 0.20] x 0.15 USD may pay 0.0032 USD','{"decision_id":"01M8ER58B2FAY1GSBHDEX5JHB6","bundle_id":"3442449d8e18bd8470f02e96d930f46ba97a07c74796903d8117bc5841932a0f","now":1795791429.9869747,"context":{"model":null,"tenant":"acme","session_id":"s0","task":"maths","deadline_ms":null,"value_of_success_usd":0.15000000000000002,"max_cost_usd":null,"client_effort":null,"tool_loop":false,"follow_up":false},"situation":{"input_tokens":9,"cost_multiplier":0.0,"session":{"arm":"direct","effort":"none","cached_tokens":0,"open_tool_loop":false},"health":{},"task_shifts":{},"headers":{},"uniform":0.15267649909374426,"explore":true},"prediction":{"success":[0.4379255771636963,0.4124361276626587],"uplift":[0.017697999253869057],"uplift_lower":[-0.17084194719791412],"uplift_upper":[0.2038949579000473],"output_tokens_mean":[98.25341796875,410.91009521484375],"output_tokens_p95":[245.633544921875,1438.185302734375],"latency_mean_ms":[2000.0,4000.0],"latency_p95_ms":[6000.0,12000.0],"support":0.8391246199607849,"task_probabilities":[0.9915220141410828,0.0008775322930887341,0.007600456941872835]},"prior_weight":0.0,"cold_start":false,"policy":"default@21927687+genai-prices-0.2.3:54ca73b7"}',NULL,NULL);
INSERT INTO "decisions" VALUES('01M8ER58B608E1QP3QN0XYXXTS',1.79579142999062633511e+09,'direct','tiny','none','maybe','default@21927687+genai-prices-0.2.3:54ca73b7','3442449d8e18bd8470f02e96d930f46ba97a07c74796903d8117bc5841932a0f',1.0,4.86104130744934082031e-01,4.74714666604995727539e-01,0.00098601475982666,95.7931137084961,6000.0,278,'991d8daaa51d0931dd29f0c880a1bd74','[{"role":"user","content":"what is a list"}]',NULL,'acme','s1','maths','uplift 0.01 [-0.30, 0.28] x 0.20 USD may pay 0.0029 USD','{"decision_id":"01M8ER58B608E1QP3QN0XYXXTS","bundle_id":"3442449d8e18bd8470f02e96d930f46ba97a07c74796903d8117bc5841932a0f","now":1795791429.9906263,"context":{"model":null,"tenant":"acme","session_id":"s1","task":"maths","deadline_ms":null,"value_of_success_usd":0.2,"max_cost_usd":null,"client_effort":null,"tool_loop":false,"follow_up":false},"situation":{"input_tokens":7,"cost_multiplier":0.0,"session":{"arm":"direct","effort":"none","cached_tokens":0,"open_tool_loop":false},"health":{},"task_shifts":{},"headers":{},"uniform":0.045097724526892424,"explore":true},"prediction":{"success":[0.4747146666049957,0.4493682384490967],"uplift":[0.013521099463105202],"uplift_lower":[-0.3016769289970398],"uplift_upper":[0.2791476845741272],"output_tokens_mean":[95.7931137084961,376.6351318359375],"output_tokens_p95":[239.4827880859375,1318.2230224609375],"latency_mean_ms":[2000.0,4000.0],"latency_p95_ms":[6000.0,12000.0],"support":0.4861041307449341,"task_probabilities":[0.9943661689758301,0.002964740851894021,0.002669082721695304]},"prior_weight":0.0,"cold_start":false,"policy":"default@21927687+genai-prices-0.2.3:54ca73b7"}',NULL,NULL);
INSERT INTO "decisions" VALUES('01M8ER58BACDJFKZ6CRVE1VFTJ',1.79579142999433016784e+09,'reasoning','tiny','high','maybe','default@21927687+genai-prices-0.2.3:54ca73b7','3442449d8e18bd8470f02e96d930f46ba97a07c74796903d8117bc5841932a0f',1.0,3.78719180822372436523e-01,4.54025447368621826171e-01,4.06317908935546843324e-03,3.96725891113281250001e+02,12000.0,275,'34efd4ebdd122321e1b209829a0ce494','[{"role":"user","content":"prove the sum of a list of 17 steps ?"}]',NULL,'acme','s0','maths','uplift 0.01 [-0.36, 0.30] x 0.25 USD may pay 0.0025 USD','{"decision_id":"01M8ER58BACDJFKZ6CRVE1VFTJ","bundle_id":"3442449d8e18bd8470f02e96d930f46ba97a07c74796903d8117bc5841932a0f","now":1795791429.9943302,"context":{"model":null,"tenant":"acme","session_id":"s0","task":"maths","deadline_ms":null,"value_of_success_usd":0.25,"max_cost_usd":null,"client_effort":null,"tool_loop":false,"follow_up":false},"situation":{"input_tokens":13,"cost_multiplier":0.0,"session":{"arm":"direct","effort":"none","cached_tokens":0,"open_tool_loop":false},"health":{},"task_shifts":{},"headers":{},"uniform":0.9375352210088415,"explore":true},"prediction":{"success":[0.4924750030040741,0.4540254473686218],"uplift":[0.011498035863041878],"uplift_lower":[-0.3567981719970703],"uplift_upper":[0.3012862205505371],"output_tokens_mean":[153.9399871826172,396.72589111328125],"output_tokens_p95":[384.8499755859375,1388.5406494140625],"latency_mean_ms":[2000.0,4000.0],"latency_p95_ms":[6000.0,12000.0],"support":0.37871918082237244,"task_probabilities":[0.9657275676727295,0.027312584221363068,0.0069598727859556675]},"prior_weight":0.0,"cold_start":false,"policy":"default@21927687+genai-prices-0.2.3:54ca73b7"}',NULL,NULL);
CREATE TABLE outcomes (
	decision_id VARCHAR(64) NOT NULL, 
	digest VARCHAR(32) NOT NULL, 
	reported_at DOUBLE NOT NULL, 
	success DOUBLE, 
	cost_usd DOUBLE, 
	gpu_seconds DOUBLE, 
	latency_ms DOUBLE, 
	input_tokens BIGINT, 
	cached_input_tokens BIGINT, 
	output_tokens BIGINT, 
	reasoning_tokens BIGINT, 
	retries BIGINT, 
	failure_mode TEXT, 
	arm TEXT, 
	model TEXT, 
	PRIMARY KEY (decision_id, digest)
);
INSERT INTO "outcomes" VALUES('01M8ER58AD4M8NK3BMT76Y2B6C','5c1ca8fc6474841228ce9d5fc2f47723',1.79579142996655225753e+09,0.0,NULL,NULL,900.0,NULL,NULL,100,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "outcomes" VALUES('01M8ER58AZAMX1YFHM41G5VJCN','c46ee99df9c8d6d4434a412f43ba553c',1.79579142998419499397e+09,1.0,NULL,NULL,900.0,NULL,NULL,101,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "outcomes" VALUES('01M8ER58B2FAY1GSBHDEX5JHB6','eda2be13190811e0591c307091c5c39e',1.79579142998778891558e+09,0.0,NULL,NULL,900.0,NULL,NULL,102,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "outcomes" VALUES('01M8ER58B608E1QP3QN0XYXXTS','e759ae7dc0b54bc93fefe43435d22445',1.79579142999141407009e+09,1.0,NULL,NULL,900.0,NULL,NULL,103,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE terms (
	version VARCHAR(255) NOT NULL, 
	arms TEXT NOT NULL, 
	policy TEXT NOT NULL, 
	prices TEXT NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "terms" VALUES('default@21927687+genai-prices-0.2.3:54ca73b7','[{"name":"direct","model":"tiny","effort":"none","default_output_tokens":300.0,"default_latency_ms":2000.0,"price":{"input":1.25,"output":10.0,"cached_input":null},"gpu_usd_per_second":null},{"name":"reasoning","model":"tiny","effort":"high","default_output_tokens":2500.0,"default_latency_ms":20000.0,"price":{"input":1.25,"output":10.0,"cached_input":null},"gpu_usd_per_second":null}]','','{"snapshot":"genai-prices-0.2.3","cards":[{"arm":"direct","source":"arms.toml","windows":[{"since":null,"opens":null,"closes":null,"tiers":[{"above_input_tokens":-1,"input":1.2499999999999999e-6,"cached_input":1.2499999999999999e-6,"cache_write":1.2499999999999999e-6,"cache_write_1h":1.2499999999999999e-6,"output":9.999999999999999e-6,"hidden":9.999999999999999e-6,"gpu_second":0.0,"request":0.0}]}]},{"arm":"reasoning","source":"arms.toml","windows":[{"since":null,"opens":null,"closes":null,"tiers":[{"above_input_tokens":-1,"input":1.2499999999999999e-6,"cached_input":1.2499999999999999e-6,"cache_write":1.2499999999999999e-6,"cache_write_1h":1.2499999999999999e-6,"output":9.999999999999999e-6,"hidden":9.999999999999999e-6,"gpu_second":0.0,"request":0.0}]}]}]}');
CREATE INDEX decisions_decided_at ON decisions (decided_at);
CREATE INDEX decisions_tenant ON decisions (tenant);
CREATE INDEX decisions_session ON decisions (session_id);
CREATE INDEX outcomes_reported_at ON outcomes (reported_at);
COMMIT;