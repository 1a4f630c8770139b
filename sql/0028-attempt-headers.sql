-- Headers of attempts are stored as they come and read one attempt at a time: taking them apart for each delivery, and
-- putting them together again, would only cost.
alter table webhook_attempts
  alter column request_headers type json,
  alter column response_headers type json;
