-- Dispatchers take due deliveries application by application, so that the backlog of one whose URL is dead is not
-- read on the way to the others.
drop index webhook_deliveries_due;
create index webhook_deliveries_due on webhook_deliveries (application_id, next_attempt_at) where state = 'pending';
